package assign

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		set  []string // a letter for the kind, then the assignment
		want string   // the document, or what is wrong
	}{
		"from nothing":    {"", []string{"ga.b=1", "ga.name=text", "gok=true", "gnone=null"}, `{"a":{"b":1,"name":"text"},"none":null,"ok":true}`},
		"as it is":        {"", []string{"gbig=12345678901234567890", "tzip=01234", "tn=1", "gempty=", "gurl=a=b"}, `{"big":12345678901234567890,"empty":"","n":"1","url":"a=b","zip":"01234"}`},
		"JSON":            {"", []string{`jitems=[{"sku":"a"}]`, "gitems.0.n=2", "gitems.1.sku=b"}, `{"items":[{"n":2,"sku":"a"},{"sku":"b"}]}`},
		"over":            {`{"total":1,"keep":2}`, []string{"gtotal=5"}, `{"keep":2,"total":5}`},
		"a dot in a name": {"", []string{`ga\.b=1`}, `{"a.b":1}`},
		"looks like one":  {"", []string{"gv=1.2.3", "gw={}", `gx="q"`}, `{"v":"1.2.3","w":"{}","x":"\"q\""}`},
		"no value":        {"", []string{"gtotal"}, `"total" has no name and value`},
		"not JSON":        {"", []string{"ja={"}, "a: the value is not JSON"},
		"into a number":   {`{"a":1}`, []string{"ga.b=1"}, "can not be put into"},
		"beyond a list":   {`{"a":[1]}`, []string{"ga.5=1"}, `"5" is no element of a list of 1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var doc any
			if c.doc != "" {
				if err := json.Unmarshal([]byte(c.doc), &doc); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			for _, s := range c.set {
				if doc, err = Set(doc, s[1:], map[byte]Kind{'g': Guess, 't': Text, 'j': JSON}[s[0]]); err != nil {
					break
				}
			}
			got, _ := json.Marshal(doc)
			if err != nil {
				got = []byte(err.Error())
			}
			if string(got) != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
