package fault

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/flowcatalyst/fc/client"
)

// lists are the commands that list what a path of the API holds.
var lists = map[string]string{
	"events": "fcctl events list", "dispatch-jobs": "fcctl jobs list", "dead-letters": "fcctl dead-letters list",
	"dead-letter-tasks": "fcctl dead-letters tasks", "replays": "fcctl replays list", "groups": "fcctl groups list", "expunges": "fcctl expunges list",
}

// missing says which thing is not there, and how to find those that are. The
// server repeats no value that it was sent.
func missing(e *client.Error) (message, try string) {
	part := strings.Split(strings.Trim(e.Path, "/"), "/")
	if len(part) < 3 || part[0] != "api" {
		return e.Message, ""
	}
	id, err := url.PathUnescape(part[2])
	before, is := strings.CutSuffix(e.Message, " with this id")
	if err != nil || !is {
		return e.Message, ""
	}
	before = strings.Replace(before, "dispatch job", "job", 1)
	return fmt.Sprintf("%s with the id %q", before, id), lists[part[1]]
}

// NotOurs says of an answer that it is hardly one of the platform's API: that
// of another port of fcd, or of another server.
func NotOurs(e *client.Error) bool {
	switch {
	case e.Status == 404 && e.Message == "there is nothing at this path":
		return true
	case e.Status == 404 || e.Status == 405 || e.Status == 400:
		return e.Code == "" && len(e.Problems) == 0 && e.RequestID == ""
	}
	return false
}
