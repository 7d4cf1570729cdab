package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// aim says of an error what only the choice of the server explains: that it is
// hardly the API, or that the token was given by hand.
func (a *App) aim(err error, message string, code int, try string) (string, string) {
	t := a.target
	if t == nil {
		return message, try
	}
	var refused *client.Error
	if errors.As(err, &refused) && fault.NotOurs(refused) {
		return fmt.Sprintf("%s%s answered %d (%s): is this the API of a FlowCatalyst platform?", strings.TrimRight(t.URL, "/"), refused.Path, refused.Status, refused.Message),
			"the URL and the port of the API; fcctl context show says which is used, and why"
	}
	if code != fault.Refused || try != "fcctl login" {
		return message, try
	}
	switch {
	case t.Token != "":
		return message, "another token: this one was given by --token or FCCTL_TOKEN, and a login does not change it"
	case t.Dev != nil:
		return message, "fcctl context show; fcd dev has begun anew, if it does not know its own token"
	case t.Name != "" && t.Name != t.File.Current:
		return message, "fcctl login --context " + t.Name
	case t.Name == "" && t.Origin == "--url":
		return message, "fcctl login --url " + t.URL
	}
	return message, try
}
