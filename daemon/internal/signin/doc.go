// Package signin lets people in: with a password, by a refresh token, by the
// link of a password reset, and the first administrator by the token that the
// log shows.
//
// Whether an email exists can be told neither from an answer nor from the time
// that it takes: [Service.Login] does the same work for whoever is unknown,
// inactive or signs in through a provider, and [Service.RequestReset] answers
// before it looks.
package signin
