package man

// Variable is one of the environment.
type Variable struct{ Name, Means string }

// Environment is what fcctl reads of it.
var Environment = []Variable{
	{"FCCTL_URL, FCCTL_TOKEN, FCCTL_CONTEXT", "as the flags --url, --token and --context, which go before them"},
	{"FCCTL_CLIENT_ID, FCCTL_CLIENT_SECRET", "client credentials of a machine, unless there is a token"},
	{"FCCTL_BOOTSTRAP_TOKEN", "the token for fcctl bootstrap, where there is no terminal"},
	{"FCCTL_VAR_name", "a manifest's variable"},
	{"FCCTL_SECRET", "signing secrets for fcctl receive, separated by spaces"},
	{"FCCTL_CA_FILE, FCCTL_DEBUG", "as the flags --ca-file and --debug"},
	{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "the proxy for a server, and for which there is none"},
	{"NO_COLOR", "no colour"},
}
