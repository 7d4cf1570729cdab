package courier

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// oracle reads an answer with net/http as the transport would.
func oracle(data []byte) (status int, header http.Header, body []byte, err error) {
	r := bufio.NewReader(bytes.NewReader(data))
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		if err != nil {
			return 0, nil, nil, err
		}
		if s := resp.StatusCode; s >= 100 && s < 200 && s != http.StatusSwitchingProtocols {
			continue
		}
		b, err := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, b, err
	}
}

func ours(data []byte) (h *answer, headers, content []byte, whole bool, refused, err error) {
	h = &answer{}
	r := bufio.NewReaderSize(bytes.NewReader(data), 64)
	if refused = h.read(r); refused != nil {
		return h, nil, nil, false, refused, nil
	}
	headers = h.kept()
	if h.status < 200 {
		return h, headers, nil, false, nil, nil
	}
	b := newBody(r, h)
	content, err = io.ReadAll(&b)
	return h, headers, content, b.whole, nil, err
}

var answers = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Length: 6\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n \r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
	"HTTP/1.1 200\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nz\r\n",
	"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\r\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\n\n",
	"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n",
	"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nrest",
	"HTTP/1.1 500 Oh no\nA: b\nSet-Cookie: secret\nA: c\nset-cookie2: x\nfolded: one\n two\n\tthree\n\nbody",
	"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nPragma: no-cache\r\nContent-Length: 0\r\n\r\n",
	"HTTP/0.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: none\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n", "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
	"HTTP/1.1 200 OK\r\nA: \xff\"\\é\r\nX y: z\r\nÄ: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \xff\"\\é\r\nX y: z\r\n\r\n",
	"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/11 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200 OK",
	"\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP", "",
}

// checkAgainstNetHTTP reads the same bytes both ways. The differences are
// wanted: a status below 100 is refused, what a trailer says is not looked at,
// and no Cache-Control is made up for a Pragma.
func checkAgainstNetHTTP(t *testing.T, data []byte) {
	t.Helper()
	h, headers, content, whole, refused, err := ours(data)
	status, header, body, theirs := oracle(data)
	if header == nil && theirs != nil {
		if refused == nil && !(h.chunks && strings.Contains(theirs.Error(), "bad trailer key")) {
			t.Fatalf("%.300q\naccepted as %d %s, refused by net/http: %v", data, h.status, headers, theirs)
		}
		return
	}
	if refused != nil {
		if status >= 100 && !errors.Is(refused, errLongHead) {
			t.Fatalf("%.300q\nrefused: %v; net/http has %d %v", data, refused, status, header)
		}
		return
	}
	if h.status != status {
		t.Fatalf("%.300q\nstatus %d, net/http has %d", data, h.status, status)
	}
	if header.Get("Pragma") == "no-cache" {
		header.Del("Cache-Control")
		if bytes.Contains(headers, []byte(`"Cache-Control"`)) {
			return // there was a true one
		}
	}
	if want := keepHeaders(header); !bytes.Equal(headers, want) {
		t.Fatalf("%.300q\nheaders %s, net/http has %s", data, headers, want)
	}
	if status == http.StatusSwitchingProtocols {
		return
	}
	if !bytes.Equal(content, body) {
		t.Fatalf("%.300q\nbody %q, net/http has %q", data, content, body)
	}
	if (err == nil) != (theirs == nil) && !(h.chunks && err == nil && !whole) {
		t.Fatalf("%.300q\nthe body ended with %v, with net/http %v", data, err, theirs)
	}
}

func TestAnswersAreReadAsNetHTTPReadsThem(t *testing.T) {
	t.Parallel()
	for _, a := range answers {
		checkAgainstNetHTTP(t, []byte(a))
		for i := range a { // and cut off anywhere
			checkAgainstNetHTTP(t, []byte(a[:i]))
		}
	}
}

// A receiver must not be able to make us work long for one answer.
func TestHostileHeadsCostLittle(t *testing.T) {
	t.Parallel()
	const most = maxHeaderBytes - 100
	for name, line := range map[string]string{"folds": " c\n", "one name": "A:b\n", "many names": "", "cookies": "Set-Cookie:\n"} {
		var b strings.Builder
		b.WriteString("HTTP/1.1 200 OK\nZ: x\n")
		for i := 0; b.Len() < most; i++ {
			if b.WriteString(line); line == "" {
				fmt.Fprintf(&b, "%x:\n", (i*7919)&0xffff)
			}
		}
		b.WriteString("\n")
		var h answer
		began := time.Now()
		if err := h.read(bufio.NewReader(strings.NewReader(b.String()))); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if kept := h.kept(); len(kept) > keptHeaders || time.Since(began) > time.Second {
			t.Errorf("%s: %d bytes kept after %s", name, len(kept), time.Since(began))
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkAgainstNetHTTP(t, data) })
}
