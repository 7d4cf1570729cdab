package platform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// asUnmarshalled checks that what the scanner reads, encoding/json reads too,
// and as the same. It returns whether the scanner read it.
func asUnmarshalled(t interface{ Errorf(string, ...any) }, body []byte, cloudEvent bool) bool {
	before := bytes.Clone(body)
	w, ok := scanEvent(body)
	want, err := unmarshalEvent(body)
	if ok && err != nil {
		t.Errorf("scanned %q, which is %v", body, err)
	} else if ok {
		w.shallow = false
		if !reflect.DeepEqual(w, want) {
			t.Errorf("scanned %q as\n%+v, want\n%+v", body, w, want)
		}
	}
	got := DecodeEvent(body, cloudEvent)
	if !bytes.Equal(body, before) {
		t.Errorf("decoding changed %q to %q", before, body)
	}
	for i := range body {
		body[i] = '!' // whoever owns the body may use it again
	}
	if wanted := decodeEvent(before, cloudEvent); !reflect.DeepEqual(got, wanted) {
		t.Errorf("decoded %q as\n%+v, want\n%+v", before, got, wanted)
	}
	return ok
}

// asSplit checks the same of a batch.
func asSplit(t interface{ Errorf(string, ...any) }, body []byte, cloudEvents bool) bool {
	_, ok := scanBatch(body, cloudEvents)
	var want []EventDraft
	items, wantErr := DecodeBatch(body)
	for _, item := range items {
		want = append(want, decodeEvent(item, cloudEvents))
	}
	before := bytes.Clone(body)
	got, err := DecodeEvents(body, cloudEvents)
	for i := range body {
		body[i] = '!'
	}
	if !reflect.DeepEqual(err, wantErr) {
		t.Errorf("batch %q is %v, want %v", before, err, wantErr)
	} else if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("batch %q is\n%+v, want\n%+v", before, got, want)
	}
	return ok
}

func TestOrdinaryEventsAreScanned(t *testing.T) {
	t.Parallel()
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, scans := range map[string]bool{
		oneKiBEvent(): true,
		`{}`:          true,
		" {\t\"type\" :\r\n\"a:b:c:d\" , \"data\" : { } } \n":                         true,
		`{"type":"a:b:c:d","type":null,"type":"e:f:g:h"}`:                             true,
		`{"TYPE":"a:b:c:d","MessageGroup":"g"}`:                                       true,
		`{"type":"a:b:c:d","messageGroup":"gr\u00fcn \"x\""}`:                         true,
		`{"type":"a:b:c:d","messageGroup":"grün"}`:                                    true,
		`{"id":7,"payload":{"type":"a:b:c:d"}}`:                                       true,
		`{"type":"a:b:c:d","data":-1.5e+7,"other":[0,1E9,0.0,true,false,null,"",{}]}`: true,
		`{"type":"a:b:c:d","data":` + nest(maxDepth) + `}`:                            true,
		`{"type":"a:b:c:d","data":` + nest(maxDepth+1) + `}`:                          false,
		`{"contextData":[{"key":"a","value":"b"}],"contextData":[{"key":"c"}]}`:       true,
		`{"ſource":"/long-s","type":"a:b:c:d"}`:                                       false,
		`{"\u0074ype":"a:b:c:d"}`:                                                     false,
		"{\"type\":\"a:b:c:d\",\"source\":\"\xff\"}":                                  false,
		`{"type":7}`:            false,
		`{"type":"a:b:c:d"} x`:  false,
		`{"type":"a:b:c:d",}`:   false,
		`{"data":01}`:           false,
		`{"data":1.}`:           false,
		`{"data":-}`:            false,
		`{"data":1e}`:           false,
		`{"data":tru}`:          false,
		`{"data":"\x"}`:         false,
		`{"data":"\u12g4"}`:     false,
		"{\"data\":\"a\nb\"}":   false,
		`{"data":[1,]}`:         false,
		`{"data":[1}`:           false,
		`{"data":{"a":1]}`:      false,
		`{"data":{"a" 1}}`:      false,
		`{"data":{1:1}}`:        false,
		`{"data":"unterminated`: false,
		`{"data":"\`:            false,
		`{"data":"\u00`:         false,
		`{"data"`:               false,
		`{"data":`:              false,
		`{"type":null,"data":{`: false,
		`{"type":nul}`:          false,
		`{"source":"a":"b"}`:    false,
		`{`:                     false,
		`null`:                  false,
		``:                      false,
	} {
		for _, cloudEvent := range []bool{false, true} {
			if got := asUnmarshalled(t, []byte(body), cloudEvent); got != scans {
				t.Errorf("%s: scanned %v, want %v", body, got, scans)
			}
		}
	}
}

func TestOrdinaryBatchesAreScanned(t *testing.T) {
	t.Parallel()
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat(`{"type":"a:b:c:d"},`, n), ",") }
	for body, scans := range map[string]bool{
		`[]`: true, `{"items":[]}`: true, `{"ITEMS":[]}`: true, ` [ {} , {"type":7} , 8 , null , "x" ] `: true,
		`{"other":{"items":1},"events":[{"type":"a:b:c:d"}],"more":7}`:      true,
		`{"jobs":[{"id":"r","payload":"{\"type\":\"a:b:c:d\"}"},{"id":1}]}`: true,
		`[` + many(MaxItems) + `]`:                                          true,
		`[` + many(MaxItems+1) + `]`:                                        false,
		`{"items":[{}],"events":[{},{}]}`:                                   false,
		`{"items":[{}],"items":[{},{}]}`:                                    false,
		`{"items":null,"events":[{}]}`:                                      false,
		`{"items":[{}],"items":null}`:                                       false,
		`{"items":{}}`:                                                      false,
		`{}`:                                                                false, `{"other":[]}`: false, `[{}`: false, `[{},]`: false, `[{}]]`: false, `[,]`: false,
		`{"items":[]`: false, `{"items":[],}`: false, `{"items":[]}}`: false, `{"items":[{]}`: false, `[`: false, `{`: false, ``: false, `7`: false,
	} {
		for _, cloudEvents := range []bool{false, true} {
			if got := asSplit(t, []byte(body), cloudEvents); got != scans {
				t.Errorf("%.200s: scanned %v, want %v", body, got, scans)
			}
		}
	}
}

// member draws names that mean something, nearly do, or do not.
func member(t *rapid.T) string {
	names := []string{"other", "ſource", `\u0074ype`, "items", ""}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[wireEvent]()) {
		if name := f.Tag.Get("json"); name != "" {
			names = append(names, name, name, strings.ToLower(name))
		}
	}
	name := rapid.SampledFrom(names).Draw(t, "name")
	if rapid.IntRange(0, 9).Draw(t, "shout") == 0 {
		name = strings.ToUpper(name)
	}
	return name
}

func value(t *rapid.T, deep int) string {
	plain := rapid.SampledFrom([]string{
		`"a:b:c:d"`, `"a:b:c:d"`, `"x"`, `""`, `"1.0"`, `"2026-01-02T03:04:05Z"`, `"é"`, `"\u00e9\ud800 \"\\\/\b"`, "\"\xc3\"", "\"\x01\"", `"{\"type\":\"a:b:c:d\"}"`, `" [1]"`,
		"null", "null", "true", "false", "0", "-0.5e-3", "12", "01", "nul", "-", `"\q"`, `[{"key":"k","value":"v"}]`, `[{"key":"k"},{"value":null}]`,
	})
	if deep == 0 || rapid.Bool().Draw(t, "plain") {
		return plain.Draw(t, "value")
	}
	return document(t, deep-1)
}

func document(t *rapid.T, deep int) string {
	parts := make([]string, rapid.IntRange(0, 5).Draw(t, "members"))
	object := rapid.Bool().Draw(t, "object")
	for i := range parts {
		if parts[i] = value(t, deep); object {
			parts[i] = fmt.Sprintf(`"%s":%s`, member(t), parts[i])
		}
	}
	gap := rapid.SampledFrom([]string{"", "", "", " ", "\r\n\t"}).Draw(t, "gap")
	doc := strings.Join(parts, gap+","+gap)
	if object {
		return "{" + gap + doc + gap + "}"
	}
	return "[" + gap + doc + gap + "]"
}

// damaged changes a byte now and then.
func damaged(t *rapid.T, doc string) []byte {
	b := []byte(doc)
	if len(b) > 0 && rapid.IntRange(0, 4).Draw(t, "damage") == 0 {
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.SampledFrom([]byte(`{}[],:"\ 0-e.`)).Draw(t, "byte")
	}
	return b
}

func TestScannedIsAsUnmarshalled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := document(t, 3)
		asUnmarshalled(t, damaged(t, doc), rapid.Bool().Draw(t, "cloudEvent"))
		asSplit(t, damaged(t, rapid.SampledFrom([]string{`{"items":[` + doc + `]}`, `[` + doc + `,{"type":"a:b:c:d"}]`, doc}).Draw(t, "batch")), rapid.Bool().Draw(t, "cloudEvents"))
	})
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{oneKiBEvent(), `[{"type":"a:b:c:d"}]`, `{"events":[{"id":1,"payload":{"type":"a:b:c:d"}}],"x":[]}`, `{"type":"a:b:c:d","data":"\u00e9","contextData":[{"key":"k"}]}`} {
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, cloudEvent bool) {
		asUnmarshalled(t, bytes.Clone(body), cloudEvent)
		asSplit(t, bytes.Clone(body), cloudEvent)
	})
}

func TestStringsMeanWhatTheyDidToUnmarshal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := `"` + strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{
			"a", "é", " ", `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u00e9`, `\ud83d\ude00`, `\ud800`, "\xff", "{", "}", "[1]",
		})).Draw(t, "parts"), "") + `"`
		var want string
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		if got := string(unescaped([]byte(raw))); got != want {
			t.Fatalf("%q means %q, want %q", raw, got, want)
		}
		inner, is := unquoted([]byte(raw))
		trimmed := strings.TrimSpace(want)
		document := json.Valid([]byte(trimmed)) && (trimmed[0] == '{' || trimmed[0] == '[')
		if document && string(inner) != trimmed || !document && string(inner) != raw || is != document {
			t.Fatalf("%q is %q, a document: %v", raw, inner, is)
		}
	})
}

// FuzzWalkValue: what is walked over is JSON, and JSON that does not nest too
// deep is walked over to its end.
func FuzzWalkValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,"\u00e9",true,null,{}]}`, `[[[]]]`, `"a\"b"`, `12`, `-`, `{"a":}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end := walkValue(b, 0)
		whole := end >= 0 && walkSpace(b, end) == len(b)
		if valid := json.Valid(b); whole && !valid || valid && !whole && depth(b) <= maxDepth {
			t.Errorf("%q ends at %d, valid: %v", b, end, valid)
		}
	})
}
