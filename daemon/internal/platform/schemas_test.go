package platform

import (
	"context"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

func TestTypesThatNobodyDeclared(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]struct {
		refused, warned bool
	}{UnknownAccept: {}, UnknownWarn: {warned: true}, UnknownReject: {refused: true}} {
		p := setup(t, nil)
		p.unknown, p.warnings = how, telemetry.NewWarnings(nil)
		info, _ := resource.InfoOf(resource.KindEventType)
		if _, err := p.Create(t.Context(), System(), info, []byte(`{"code":"a:b:c:d"}`)); err != nil {
			t.Fatal(err)
		}
		answers, err := p.Publish(context.Background(), System(), []EventDraft{
			DecodeEvent([]byte(`{"type":"a:b:c:d"}`), false), DecodeEvent([]byte(`{"type":"a:b:c:e"}`), false),
		})
		if err != nil {
			t.Fatal(err)
		}
		known, unknown := answers[0], answers[1]
		if known.Refused != nil || len(known.Warnings) > 0 {
			t.Errorf("%s: a declared type: %+v", how, known)
		}
		if (unknown.Refused != nil) != want.refused || (len(unknown.Warnings) > 0) != want.warned || (len(p.warnings.List()) > 0) != want.warned {
			t.Errorf("%s: %+v, %d warnings", how, unknown, len(p.warnings.List()))
		}
	}
}

func TestAnEventTypeThatDidNotChangeKeepsItsCompiledSchema(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	info, _ := resource.InfoOf(resource.KindEventType)
	if _, err := p.Create(t.Context(), System(), info, []byte(`{"code":"a:b:c:d","validation":"REJECT","specVersions":[{"version":"1","schema":{"type":"object"}}]}`)); err != nil {
		t.Fatal(err)
	}
	look := func() *schemas {
		cat, err := p.cache.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p.inForce(cat)
	}
	before := look()
	old, err := p.cache.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), System(), info, []byte(`{"code":"a:b:c:e"}`)); err != nil {
		t.Fatal(err)
	}
	after := look()
	if before == after || before.find("", "a:b:c:d") == nil || before.find("", "a:b:c:d") != after.find("", "a:b:c:d") {
		t.Error("the schema was compiled again")
	}
	// A request that began before the change and is slow puts nothing back.
	if p.inForce(old); p.schemas.Load() != after {
		t.Error("what is old took the place of what is new")
	}
}
