package roomstate

import (
	"context"
	_ "embed" // the Lua scripts
	"fmt"

	"github.com/redis/go-redis/v9"
)

// The scripts.
var (
	//go:embed count.lua
	countLua string

	//go:embed renew.lua
	renewLua string

	//go:embed join.lua
	joinLua string

	//go:embed viewers.lua
	viewersLua string

	//go:embed rules.lua
	rulesLua string

	//go:embed change.lua
	changeLua string

	//go:embed putrules.lua
	putRulesLua string

	//go:embed turns.lua
	turnsLua string

	//go:embed pace.lua
	paceLua string

	//go:embed users.lua
	usersLua string

	//go:embed putroom.lua
	putRoomLua string
)

// scriptCall is one call of a script.
type scriptCall struct {
	keys []string
	args []any
}

// runAll runs the script for all calls, a pipeline at a time, and returns the lists that it answers.
func (s *State) runAll(ctx context.Context, script *redis.Script, calls []scriptCall) ([][]any, error) {
	replies := make([][]any, 0, len(calls))
	for len(calls) > 0 {
		part := calls[:min(len(calls), maxPipeline)]
		calls = calls[len(part):]
		cmds, err := pipeline(ctx, s.rdb, script.EvalSha, part)
		if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
			// A server that was just started. What other servers have done is done again, which does no harm.
			cmds, err = pipeline(ctx, s.rdb, script.Eval, part)
		}
		if err != nil {
			return nil, err
		}
		for _, cmd := range cmds {
			switch reply := cmd.Val().(type) {
			case []any:
				replies = append(replies, reply)
			case int64:
				replies = append(replies, nil)
			default:
				return nil, fmt.Errorf("script answered %T", reply)
			}
		}
	}
	return replies, nil
}

type evaluate func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func pipeline(ctx context.Context, rdb redis.UniversalClient, eval evaluate, calls []scriptCall) ([]*redis.Cmd, error) {
	cmds := make([]*redis.Cmd, len(calls))
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, call := range calls {
			cmds[i] = eval(ctx, pipe, call.keys, call.args...)
		}
		return nil
	})
	return cmds, err
}
