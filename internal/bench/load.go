package main

import (
	"bytes"
	"strconv"
)

// dataSize is the size of an event's data, and of the body of a raw POST.
const dataSize = 1024

// eventType is what every event of the bench is.
const eventType = "bench:load:item:published"

// typeOf is the event type of a kind.
func typeOf(kind int) string {
	if kind == 0 {
		return eventType
	}
	return "bench:load:item:kind-" + strconv.Itoa(kind)
}

// padding fills data up to dataSize. It is text rather than one letter, as
// real payloads are.
var padding = bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog and "), dataSize/48+1)

// An item is what the data of one event says about it.
type item struct {
	seq    int   // its number, counted from 0
	group  int   // whose order it belongs to: a publisher's or a message group's
	sentAt int64 // Unix nanoseconds, just before the request that published it
	kind   int   // which of the scenario's event types, from 1; 0 is eventType
}

// appendData appends the item as a JSON document of dataSize bytes.
func (it item) appendData(b []byte) []byte {
	start := len(b)
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, int64(it.seq), 10)
	b = append(b, `,"sentAt":`...)
	b = strconv.AppendInt(b, it.sentAt, 10)
	b = append(b, `,"group":"g`...)
	b = strconv.AppendInt(b, int64(it.group), 10)
	b = append(b, `","pad":"`...)
	b = append(b, padding[:dataSize-(len(b)-start)-len(`"}`)]...)
	return append(b, `"}`...)
}

// appendEvent appends the item as an event. Only an ordered event has a
// message group: without one an event waits for no other.
func (it item) appendEvent(b []byte, ordered bool) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, typeOf(it.kind)...)
	b = append(b, `","source":"/bench",`...)
	if ordered {
		b = append(b, `"messageGroup":"g`...)
		b = strconv.AppendInt(b, int64(it.group), 10)
		b = append(b, `",`...)
	}
	b = append(b, `"data":`...)
	b = it.appendData(b)
	return append(b, '}')
}

// scan finds an item in the body of a delivery, bare or inside an envelope.
// It searches instead of decoding: the receiver shares the machine with what it
// measures.
func scan(body []byte) (item, bool) {
	seq, ok1 := number(body, `"seq":`)
	sentAt, ok2 := number(body, `"sentAt":`)
	group, ok3 := number(body, `"group":"g`)
	return item{seq: int(seq), group: int(group), sentAt: sentAt}, ok1 && ok2 && ok3
}

// number reads the digits that follow key.
func number(body []byte, key string) (int64, bool) {
	i := bytes.Index(body, []byte(key))
	if i < 0 {
		return 0, false
	}
	i += len(key)
	for i < len(body) && body[i] == ' ' {
		i++
	}
	var n int64
	start := i
	for ; i < len(body) && '0' <= body[i] && body[i] <= '9'; i++ {
		n = n*10 + int64(body[i]-'0')
	}
	return n, i > start && i-start <= 19
}
