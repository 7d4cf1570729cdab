package sample

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// words are what texts are made of.
var words = []string{"alder", "birch", "cedar", "elm", "hazel", "linden", "maple", "oak", "rowan", "willow"}

func (m *maker) word() string {
	m.n++
	return words[m.rand.IntN(len(words))]
}

// number makes a number within its bounds: a multiple where one is asked for,
// else a whole one if there is one.
func (m *maker) number(s map[string]any, whole bool) (any, error) {
	step := new(big.Rat).SetInt64(1)
	_, stepped := s["multipleOf"]
	if stepped {
		if r := rational(s["multipleOf"]); r != nil && r.Sign() > 0 {
			step = r
		}
		for whole && !step.IsInt() { // the least multiple that is whole
			step = new(big.Rat).SetInt(step.Num())
		}
	}
	low, lowOpen := bound(s, "minimum", "exclusiveMinimum", func(c int) bool { return c > 0 })
	high, highOpen := bound(s, "maximum", "exclusiveMaximum", func(c int) bool { return c < 0 })
	var first *big.Int // the first step that may be
	switch {
	case low != nil:
		q := new(big.Rat).Quo(low, step)
		first = ceil(q)
		if lowOpen && q.IsInt() {
			first.Add(first, big.NewInt(1))
		}
	case high != nil:
		q := new(big.Rat).Quo(high, step)
		first = new(big.Int).Neg(ceil(new(big.Rat).Neg(q)))
		if highOpen && q.IsInt() {
			first.Sub(first, big.NewInt(1))
		}
	default:
		first = big.NewInt(int64(1 + m.rand.IntN(100)))
	}
	fits := func(r *big.Rat) bool {
		if high == nil {
			return true
		}
		c := r.Cmp(high)
		return c < 0 || c == 0 && !highOpen
	}
	at := func(n *big.Int) *big.Rat { return new(big.Rat).Mul(new(big.Rat).SetInt(n), step) }
	v := at(first)
	if !fits(v) {
		if whole || stepped || low == nil || high == nil {
			return nil, unmet("minimum", "no such number lies between the bounds")
		}
		v = new(big.Rat).Quo(new(big.Rat).Add(low, high), big.NewRat(2, 1))
	} else if more := at(new(big.Int).Add(first, big.NewInt(int64(m.rand.IntN(20))))); low != nil && fits(more) {
		v = more
	}
	if v.IsInt() {
		return json.Number(v.Num().String()), nil
	}
	return json.Number(strings.TrimRight(v.FloatString(18), "0")), nil
}

func rational(v any) *big.Rat {
	n, is := v.(json.Number)
	if !is {
		return nil
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return nil
	}
	return r
}

// bound is the narrower of two bounds, and whether it is itself outside.
func bound(s map[string]any, closed, open string, narrower func(int) bool) (*big.Rat, bool) {
	c, o := rational(s[closed]), rational(s[open])
	if o != nil && (c == nil || o.Cmp(c) == 0 || narrower(o.Cmp(c))) {
		return o, true
	}
	return c, false
}

func ceil(r *big.Rat) *big.Int {
	q, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// text makes a text: of its pattern, its format, or words.
func (m *maker) text(s map[string]any) (any, error) {
	least, _ := asNumber(s["minLength"])
	most, bounded := asNumber(s["maxLength"])
	if !bounded {
		most = math.MaxInt32
	}
	if least > 1<<20 {
		return nil, unmet("minLength", "so long a text is too long for an example")
	}
	if p, _ := s["pattern"].(string); p != "" {
		return m.pattern(p, int(least), int(most))
	}
	if f, _ := s["format"].(string); f != "" {
		if t := m.formatted(f); t != "" {
			return t, nil
		}
	}
	var b strings.Builder
	b.WriteString(m.word())
	for b.Len() < int(least) { // words are of ASCII letters
		b.WriteString(" " + m.word())
	}
	t := b.String()
	if r := []rune(t); len(r) > int(most) {
		t = string(r[:int(most)])
	}
	return t, nil
}

// formatted makes a text of a format, or none of one that it does not know.
func (m *maker) formatted(format string) string {
	n := m.rand.IntN(1000)
	date := fmt.Sprintf("2026-%02d-%02d", 1+n%12, 1+n%28)
	clock := fmt.Sprintf("%02d:%02d:00Z", n%24, n%60)
	switch format {
	case "date-time":
		return date + "T" + clock
	case "date":
		return date
	case "time":
		return clock
	case "duration":
		return fmt.Sprintf("PT%dM", 1+n%59)
	case "email", "idn-email":
		return fmt.Sprintf("%s%d@example.com", m.word(), n)
	case "hostname", "idn-hostname":
		return fmt.Sprintf("%s%d.example.com", m.word(), n)
	case "ipv4":
		return fmt.Sprintf("192.0.2.%d", 1+n%254)
	case "ipv6":
		return fmt.Sprintf("2001:db8::%x", 1+n)
	case "uri", "iri":
		return fmt.Sprintf("https://example.com/%s/%d", m.word(), n)
	case "uri-reference", "iri-reference":
		return fmt.Sprintf("/%s/%d", m.word(), n)
	case "uri-template":
		return "https://example.com/{id}"
	case "uuid":
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", m.rand.Uint32(), m.rand.IntN(1<<16), m.rand.IntN(1<<12), m.rand.IntN(1<<12), m.rand.Int64N(1<<48))
	case "json-pointer":
		return "/" + m.word()
	case "relative-json-pointer":
		return "0/" + m.word()
	case "regex":
		return "^[a-z]+$"
	}
	return ""
}

// pattern makes a text that a regular expression matches and that is as long
// as it has to be: repetitions without a bound get longer until it is.
func (m *maker) pattern(p string, least, most int) (any, error) {
	re, err := syntax.Parse(p, syntax.Perl)
	if err != nil {
		return nil, unmet("pattern", "it is not understood: "+p)
	}
	is, err := regexp.Compile(p)
	if err != nil {
		return nil, unmet("pattern", "it is not understood: "+p)
	}
	for more := range tries {
		var b strings.Builder
		m.expand(&b, re, more)
		t := b.String()
		if n := utf8.RuneCountInString(t); n < least && !anchoredEnd(p) {
			t += strings.Repeat("a", least-n)
		}
		if n := utf8.RuneCountInString(t); n >= least && n <= most && is.MatchString(t) {
			return t, nil
		}
	}
	return nil, unmet("pattern", "no text was found for "+p)
}

func anchoredEnd(p string) bool { return strings.HasSuffix(p, "$") || strings.HasSuffix(p, `\z`) }

// expand writes a text for a part of a regular expression.
func (m *maker) expand(b *strings.Builder, re *syntax.Regexp, more int) {
	if b.Len() > 1<<16 {
		return
	}
	repeat := func(least, most int) {
		n := least + m.rand.IntN(2) + more
		if most >= 0 {
			n = min(n, most)
		}
		for range n {
			m.expand(b, re.Sub[0], more)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(m.oneOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpStar:
		repeat(0, -1)
	case syntax.OpPlus:
		repeat(1, -1)
	case syntax.OpQuest:
		repeat(0, 1)
	case syntax.OpRepeat:
		repeat(re.Min, re.Max)
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			m.expand(b, sub, more)
		}
	case syntax.OpAlternate:
		m.expand(b, re.Sub[m.rand.IntN(len(re.Sub))], more)
	}
}

// oneOf chooses out of a class of characters, of those that people can read if
// there are any.
func (m *maker) oneOf(ranges []rune) rune {
	var readable []rune
	for r := rune('!'); r <= '~'; r++ {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= r && r <= ranges[i+1] {
				readable = append(readable, r)
			}
		}
	}
	if letters := slices.DeleteFunc(slices.Clone(readable), func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9') }); len(letters) > 0 {
		readable = letters
	}
	switch {
	case len(readable) > 0:
		return readable[m.rand.IntN(len(readable))]
	case len(ranges) > 0:
		return ranges[0]
	}
	return 'a'
}

// patternOf is the schema of the first pattern that a name matches, or nil.
func patternOf(patterns map[string]any, name string) any {
	for p, s := range patterns {
		if re, err := regexp.Compile(p); err == nil && re.MatchString(name) {
			return s
		}
	}
	return nil
}
