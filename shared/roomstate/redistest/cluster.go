package redistest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const slots = 16384

// Cluster is three masters, and replicas of the first ones.
type Cluster struct {
	Servers []*Server // masters, then replicas
	clients []*redis.Client
	ids     []string
}

// StartCluster runs a cluster of redis-server processes until the test ends.
func StartCluster(t testing.TB, replicas int) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range 3 + replicas {
		s := StartServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1500",
			"--cluster-require-full-coverage", "no", "--cluster-config-file", "nodes.conf")
		c.Servers = append(c.Servers, s)
		c.clients = append(c.clients, Client(t, s.Addr))
	}
	ctx := t.Context()
	for i, node := range c.clients {
		c.ids = append(c.ids, must(t, node.Do(ctx, "CLUSTER", "MYID")))
		if i < 3 {
			must(t, node.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1))
		}
		must(t, node.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1))
		host, port, err := net.SplitHostPort(c.Servers[0].Addr)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			must(t, node.Do(ctx, "CLUSTER", "MEET", host, port))
		}
	}
	for i := range replicas {
		Await(t, "a replica to know its master", func(ctx context.Context) error {
			return c.clients[3+i].Do(ctx, "CLUSTER", "REPLICATE", c.ids[i]).Err()
		})
	}
	c.awaitAgreement(t, replicas)
	return c
}

// awaitAgreement waits until every node has seen all the others serve.
func (c *Cluster) awaitAgreement(t testing.TB, replicas int) {
	t.Helper()
	for _, node := range c.clients {
		Await(t, "the cluster to agree", func(ctx context.Context) error {
			info, err := node.Do(ctx, "CLUSTER", "INFO").Text()
			if err != nil {
				return err
			}
			all := fmt.Sprintf("cluster_known_nodes:%d\r", len(c.Servers))
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_slots_ok:16384") || !strings.Contains(info, all) {
				return fmt.Errorf("node says %s", info)
			}
			return nil
		})
	}
	for i := range replicas {
		Await(t, "a replica to follow", func(ctx context.Context) error {
			info, err := c.clients[3+i].Do(ctx, "INFO", "replication").Text()
			if err == nil && !strings.Contains(info, "master_link_status:up") {
				err = fmt.Errorf("replica says %s", info)
			}
			return err
		})
	}
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, s := range c.Servers {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// OwnerOf returns the master, of those still alive, that owns the key's slot.
func (c *Cluster) OwnerOf(t testing.TB, key string) int {
	t.Helper()
	slot, err := c.clients[0].ClusterKeySlot(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if int(slot) < (i+1)*slots/3 {
			return i
		}
	}
	t.Fatalf("key %s in slot %d", key, slot)
	return 0
}

// MoveSlot moves the slot of key with all its keys from one master to another, as redis-cli --cluster reshard does.
func (c *Cluster) MoveSlot(t testing.TB, key string, from, to int) {
	t.Helper()
	ctx := t.Context()
	slot, err := c.clients[from].ClusterKeySlot(ctx, key).Result()
	if err != nil {
		t.Fatal(err)
	}
	must(t, c.clients[to].Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[from]))
	must(t, c.clients[from].Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to]))
	host, port, err := net.SplitHostPort(c.Servers[to].Addr)
	if err != nil {
		t.Fatal(err)
	}
	for {
		keys, err := c.clients[from].ClusterGetKeysInSlot(ctx, int(slot), 100).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
		for _, k := range keys {
			args = append(args, k)
		}
		must(t, c.clients[from].Do(ctx, args...))
	}
	for _, node := range []int{to, from, 3 - from - to} {
		must(t, c.clients[node].Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", c.ids[to]))
	}
}

func must(t testing.TB, cmd *redis.Cmd) string {
	t.Helper()
	if cmd.Err() != nil {
		t.Fatalf("%v", cmd)
	}
	return fmt.Sprint(cmd.Val())
}
