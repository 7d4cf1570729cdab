package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/flowcatalyst/fc/client/resource"
)

// known says whether a client that reads something has it already, as it is
// now: its If-None-Match names the ETag (RFC 9110, 13.1.2). Whatever the answer
// says besides, such as a secret, is sent.
func known(r *http.Request, res *result) bool {
	if r.Method != http.MethodGet || res.Status != http.StatusOK || res.ETag == "" {
		return false
	}
	for _, header := range r.Header.Values("If-None-Match") {
		for tag := range strings.SplitSeq(header, ",") {
			tag = strings.TrimSpace(tag)
			// The comparison is the weak one: a revision is of the thing,
			// not of the bytes that show it.
			if tag == "*" || strings.TrimPrefix(tag, "W/") == res.ETag {
				return true
			}
		}
	}
	return false
}

// documentConditional says of the resources that they can be asked for if they
// have changed.
func (s *server) documentConditional() {
	for _, info := range resource.Kinds {
		item := s.huma.OpenAPI().Paths["/api/"+info.Collection+"/{id}"]
		if item == nil || item.Get == nil {
			continue // a listener that has only some of the routes
		}
		item.Get.Parameters = append(item.Get.Parameters, &huma.Param{Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: "string"},
			Description: "ETags that the client has already; the answer is 304 if one of them is still right"})
		item.Get.Responses["304"] = &huma.Response{Description: "It is still as the client has it."}
	}
}
