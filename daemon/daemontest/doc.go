// Package daemontest runs a whole daemon within a test: on free loopback
// ports, on SQLite in a directory of the test's own, and logged in.
//
//	d := daemontest.Start(t, "")
//	_, err := d.Client.Events.Publish(ctx, client.NewEvent{…})
//
// It is what tests of fcctl, of examples and of whole behaviours use, so that
// they meet the real thing.
package daemontest
