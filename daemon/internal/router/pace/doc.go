// Package pace decides how much an endpoint or a pool gets, and when. It is
// pure: each type is a small state that is told what happened and when, and
// has no clock, no lock and no goroutine of its own. The board asks under its
// lock, once or twice for each delivery, so nothing here allocates.
//
//   - Limiter spaces exchanges out at a rate.
//   - Breaker stops calling an endpoint that fails.
//   - Ramp begins carefully with one that is new or was idle.
//   - Claim shares the slots of a pool among its endpoints.
//   - Adaptive finds how many slots a pool should have, as its Controller.
//
// A breaker's states:
//
//	        failures                    time               3 successes
//	CLOSED ──────────▶ OPEN ─────────────────▶ HALF_OPEN ─────────────▶ CLOSING
//	  ▲                ▲ ▲                        │                     │  │
//	  │                │ └──────── failure ───────┘                     │  │
//	  │                └────────────────── failures ────────────────────┘  │
//	  └───────────── the doubling window does not bind any more ───────────┘
package pace
