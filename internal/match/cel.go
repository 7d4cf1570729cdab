package match

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// CostLimit is the budget of one evaluation of one filter, in CEL's units:
// about one for each field read, call and step of a loop. It bounds an
// evaluation to a few milliseconds.
const CostLimit = 100_000

// The bounds of an expression, beside MaxFilter.
const (
	maxNodes   = 2000
	maxDepth   = 64
	maxRegexp  = 1000 // instructions
	maxSeen    = 8    // values that Explain shows
	maxSeenLen = 200  // bytes of each
)

// environment is what every filter is checked against. It is made once and
// does not change.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("type", cel.StringType),
		cel.Variable("source", cel.StringType),
		cel.Variable("subject", cel.StringType),
		cel.Variable("clientId", cel.StringType),
		cel.Variable("messageGroup", cel.StringType),
		cel.Variable("time", cel.TimestampType),
		cel.Variable("data", cel.DynType),
		cel.Variable("context", cel.MapType(cel.StringType, cel.StringType)),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(MaxFilter),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ExpressionNestingDepthLimit(maxDepth),
		cel.RegexProgramSizeLimit(maxRegexp),
	)
})

// expression is a filter in CEL.
type expression struct {
	ast     *cel.Ast
	program cel.Program
}

var _ filter = (*expression)(nil)

// compileCEL compiles and type-checks an expression.
func compileCEL(text string) (*expression, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("can not be compiled: %w", err)
	}
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, sentence(text, issues.Errors())
	}
	if tree.OutputType() != cel.BoolType {
		if tree.OutputType() == cel.DynType {
			return nil, errors.New("must be a condition (line 1, column 1): compare the value with something, as in data.active == true")
		}
		return nil, fmt.Errorf("must be a condition that is true or false, and is of type %s (line 1, column 1)", tree.OutputType())
	}
	if err := checkRegexps(tree.NativeRep()); err != nil {
		return nil, err
	}
	program, err := env.Program(tree, cel.CostLimit(CostLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("can not be evaluated (line 1, column 1): %w", err)
	}
	return &expression{tree, program}, nil
}

// sentence tells the first of CEL's errors with its position, and how many
// more there are.
func sentence(text string, errs []*cel.Error) error {
	if len(errs) == 0 {
		return errors.New("does not compile (line 1, column 1)")
	}
	first := errs[0]
	message := first.Message
	// The parser lists every token that it would have taken.
	if before, _, found := strings.Cut(message, " expecting {"); found {
		message = before
	}
	message = strings.TrimPrefix(message, "Syntax error: ")
	if strings.Contains(message, "<EOF>") {
		message = "the expression ends too early"
	}
	line, column := max(first.Location.Line(), 1), max(first.Location.Column()+1, 1)
	more := ""
	if n := len(errs) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Errorf("does not compile (line %d, column %d): %s%s", line, column, message, more)
}

// checkRegexps finds regular expressions that do not compile, since CEL
// itself does not say where they stand.
func checkRegexps(tree *ast.AST) error {
	var found error
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if found != nil || e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "matches" {
			return
		}
		args := e.AsCall().Args()
		arg := args[len(args)-1]
		if arg.Kind() != ast.LiteralKind {
			return
		}
		text, ok := arg.AsLiteral().(types.String)
		if !ok {
			return
		}
		if _, err := regexp.Compile(string(text)); err != nil {
			at := tree.SourceInfo().GetStartLocation(arg.ID())
			found = fmt.Errorf("does not compile (line %d, column %d): %w", at.Line(), at.Column()+1, err)
		}
	}))
	return found
}

// holds implements filter.
func (x *expression) holds(in *input) (bool, error) {
	v, _, err := x.program.Eval(in)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the result is of type %s, not bool", v.Type().TypeName())
	}
	return bool(b), nil
}

// seen implements filter: it evaluates once more, keeping track, and returns
// the values of the paths that were reached ("data.total = 50").
func (x *expression) seen(in *input) string {
	env, err := environment()
	if err != nil {
		return ""
	}
	program, err := env.Program(x.ast, cel.CostLimit(CostLimit), cel.EvalOptions(cel.OptTrackState))
	if err != nil {
		return ""
	}
	_, details, _ := program.Eval(in)
	if details == nil {
		return ""
	}
	var values []string
	visitPaths(x.ast.NativeRep().Expr(), func(path string, e ast.Expr) {
		v, ok := details.State().Value(e.ID())
		if !ok || len(values) == maxSeen || types.IsError(v) || types.IsUnknown(v) {
			return
		}
		value := path + " = null"
		if v != types.NullValue {
			value = path + " = " + show(v.Value())
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	})
	return strings.Join(values, ", ")
}

// visitPaths calls visit for the longest paths ("data.customer.country") in
// an expression.
func visitPaths(e ast.Expr, visit func(path string, e ast.Expr)) {
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		if path := pathOf(e); path != "" {
			visit(path, e)
			return
		}
		if e.Kind() == ast.SelectKind {
			visitPaths(e.AsSelect().Operand(), visit)
		}
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			visitPaths(e.AsCall().Target(), visit)
		}
		for _, arg := range e.AsCall().Args() {
			visitPaths(arg, visit)
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			visitPaths(item, visit)
		}
	case ast.ComprehensionKind:
		// What happens within a loop has no single value to show.
		visitPaths(e.AsComprehension().IterRange(), visit)
	}
}

// pathOf writes a chain of selections that begins at a variable, or "".
func pathOf(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if p := pathOf(e.AsSelect().Operand()); p != "" && !e.AsSelect().IsTestOnly() {
			return p + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}
