package stream

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const crashEnv = "BARRAGE_STREAM_CRASH" // brokers topic group: this process is the member that will be killed

// A member that is killed between handling and commit leaves its records to the next one.
func TestCrashBeforeCommit(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		const n = 30
		publish(t, c, topic, 0, n)
		group := newGroup()

		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s", crashEnv, strings.Join(brokers, ","), topic, group))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		handled := make(chan struct{})
		go func() {
			defer close(handled)
			lines := bufio.NewScanner(out)
			for range n {
				if !lines.Scan() {
					return
				}
			}
		}()
		wait(t, "the child", handled)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}

		got := collect(t, n)
		consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}}, got.handle)
		got.wait()
	})
}

func crashChild() {
	args := strings.Fields(os.Getenv(crashEnv))
	ctx := context.Background()
	c, err := Dial(ctx, Config{Brokers: strings.Split(args[0], ","), Partitions: testPartitions})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	err = c.Consume(ctx, GroupConfig{
		Group: args[2], Topics: []Topic{Topic(args[1])}, CommitEvery: time.Hour, SessionTimeout: 6 * time.Second,
	}, func(_ context.Context, part []Record) (int, error) {
		for _, r := range part {
			fmt.Printf("%s\n", r.Value)
		}
		return len(part), nil
	})
	fmt.Fprintln(os.Stderr, err)
}
