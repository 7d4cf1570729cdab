// Package monitor gathers what there is to see of a router at one moment: the
// router's own state, the holds that all routers share, the queue, and the
// warnings. It knows nothing of HTTP.
//
// However many watch, the parts are asked for anew only every half second. What
// can not be had is named in Problems and is missing from the rest: a store that
// is away must not take the view of the router with it.
package monitor
