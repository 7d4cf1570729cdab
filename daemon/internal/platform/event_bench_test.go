package platform

import (
	"strings"
	"testing"
)

const benchEvent = `{"type":"orders:fulfillment:shipment:shipped","source":"/shop","subject":"shipment-4711","time":"2026-01-02T15:04:05.678Z","messageGroup":"g-1","deduplicationId":"0123456789","data":{"total":120,"lines":[{"sku":"a-1","n":2},{"sku":"b-2","n":1}],"text":"`

func oneKiBEvent() string {
	return benchEvent + strings.Repeat("x", 900) + `"}}`
}

func BenchmarkDecodeEvent(b *testing.B) {
	body := []byte(oneKiBEvent())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if d := DecodeEvent(body, false); len(d.Problems) > 0 {
			b.Fatal(d.Problems)
		}
	}
}

func BenchmarkDecodeBatchOf100(b *testing.B) {
	body := []byte(`{"items":[` + strings.TrimSuffix(strings.Repeat(oneKiBEvent()+",", 100), ",") + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if drafts, err := DecodeEvents(body, false); err != nil || len(drafts) != 100 {
			b.Fatal(len(drafts), err)
		}
	}
}

// BenchmarkDecodeQuotedData is an event whose data is JSON within a text.
func BenchmarkDecodeQuotedData(b *testing.B) {
	body := []byte(`{"type":"orders:fulfillment:shipment:shipped","source":"/shop","data":"{` + strings.Repeat(`\"sku\":\"a-1\",`, 60) + `\"n\":1}"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if d := DecodeEvent(body, false); len(d.Problems) > 0 {
			b.Fatal(d.Problems)
		}
	}
}
