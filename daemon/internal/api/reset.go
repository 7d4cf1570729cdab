package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/flowcatalyst/fc/daemon/internal/signin"
)

// resetRoutes are about passwords that were forgotten, and the pages on which
// people choose one.
func (s *server) resetRoutes() []route {
	const get, post, path = http.MethodGet, http.MethodPost, signin.ResetPath
	return []route{
		{post, path + "/request", public, "requestPasswordReset", "auth", "Have the link of a password reset sent to an email; the answer is the same whether or not somebody has it", resetRequestDoc{}, saidView{}, http.StatusAccepted, s.plain(s.requestReset)},
		{get, path + "/validate", public, "validatePasswordReset", "auth", "Whether the token of a link is still good; it stays so", nil, resetAnswer{}, 0, through(s, s.validateReset)},
		{post, path + "/validate", public, "validatePasswordResetToken", "auth", "Whether the token of a link is still good, with the token in the body", resetTokenDoc{}, resetAnswer{}, 0, s.plain(s.validateResetBody)},
		{post, path + "/confirm", public, "confirmPasswordReset", "auth", "Choose a new password with the token of a link, once; all sessions of its owner end", resetConfirmDoc{}, saidView{}, 0, s.plain(s.confirmReset)},
		{get, path, public, "passwordResetPage", "auth", "The page of a link; without a token, the one that asks for a link", nil, nil, 0, s.plain(s.resetPage)},
		{post, path, public, "passwordResetForm", "auth", "What the page sends", nil, nil, 0, s.plain(s.resetForm)},
		{get, signin.BootstrapPath, public, "bootstrapPage", "auth", "The page on which the first administrator is made", nil, nil, 0, s.plain(s.bootstrapPage)},
	}
}

type resetRequestDoc struct {
	Email string `json:"email"`
}

type resetTokenDoc struct {
	Token string `json:"token"`
}

type resetConfirmDoc struct {
	Token       string `json:"token"`
	Password    string `json:"password" format:"password"`
	NewPassword string `json:"newPassword,omitempty" format:"password" doc:"The same as password"`
}

type resetQuery struct {
	Token string `query:"token"`
}

type resetAnswer struct {
	Valid     bool   `json:"valid"`
	Email     string `json:"email,omitempty" doc:"Whose password it is for"`
	ExpiresAt *stamp `json:"expiresAt,omitempty"`
}

// resetAsked is what everybody is told who asks for a link.
const resetAsked = "if somebody with this email has a password here, a link to choose another is on its way"

func said(w http.ResponseWriter, status int, message string) error {
	body, err := json.Marshal(saidView{message})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, body)
	return nil
}

func (s *server) requestReset(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var req resetRequestDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	if err := s.o.SignIn.RequestReset(req.Email, s.address(r)); err != nil {
		return err
	}
	return said(w, http.StatusAccepted, resetAsked)
}

func (s *server) validateReset(ctx context.Context, c *call, in *resetQuery) (*result, error) {
	a, err := s.checkReset(ctx, in.Token, s.address(c.request))
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusOK, CacheControl: "no-store", Body: a}, nil
}

func (s *server) validateResetBody(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var req resetTokenDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	a, err := s.checkReset(r.Context(), req.Token, s.address(r))
	if err != nil {
		return err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, body)
	return nil
}

func (s *server) checkReset(ctx context.Context, token, address string) (resetAnswer, error) {
	if err := missing("token", token); err != nil {
		return resetAnswer{}, err
	}
	good, err := s.o.SignIn.CheckReset(ctx, token, address)
	switch {
	case err == nil:
		ends := stamp(good.ExpiresAt)
		return resetAnswer{Valid: true, Email: good.Email, ExpiresAt: &ends}, nil
	case problemOf(err).Status == http.StatusUnauthorized:
		return resetAnswer{}, nil
	}
	return resetAnswer{}, err
}

func (s *server) confirmReset(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var req resetConfirmDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	if req.Password == "" {
		req.Password = req.NewPassword
	}
	if err := missing("token", req.Token, "password", req.Password); err != nil {
		return err
	}
	if err := s.o.SignIn.Reset(r.Context(), w.Header().Get(requestIDHeader), req.Token, req.Password, s.address(r)); err != nil {
		return err
	}
	return said(w, http.StatusOK, "the password is set, and all sessions have ended; sign in with it")
}

func (s *server) sendReset(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	if err := s.o.SignIn.SendReset(ctx, c.Caller, in.ID); err != nil {
		return nil, err
	}
	return ok(saidView{"a link to choose a new password is on its way"}), nil
}
