// Command fcd is the FlowCatalyst daemon: the API that takes events, and the
// services that turn them into webhooks.
//
//	fcd dev                  everything in one process, nothing to set up
//	fcd run -c fcd.hcl       as the configuration says (a file or a directory)
//	fcd validate -c fcd.hcl  what is wrong with a configuration, and where
//	fcd config print -c …    the effective values and where each came from
//	fcd healthcheck          exit 0 if a daemon on this machine is ready
//	fcd version
//
// # As a daemon
//
// SIGTERM and SIGINT drain, within shutdown_timeout; a second one ends the
// process at once. SIGHUP reads the configuration again: what can change while
// it runs does, the log says what cannot, and a bad file changes nothing.
// Under systemd (Type=notify-reload) it tells READY, RELOADING, STOPPING and,
// while it answers, WATCHDOG.
//
// Exit codes: 0 after a clean drain, 1 for an error, 64 for a wrong command
// line, 128 + n when ended at once by signal n.
package main
