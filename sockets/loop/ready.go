package loop

import "sync"

// readyQueue is the connections that wait for a worker, oldest first. A connection is in it once at most and brings its
// own link, so the queue needs no memory and no bound.
type readyQueue struct {
	mu       sync.Mutex
	notEmpty sync.Cond
	head     *Conn
	tail     *Conn
	ended    bool
}

func (q *readyQueue) init() { q.notEmpty.L = &q.mu }

func (q *readyQueue) push(c *Conn) {
	q.mu.Lock()
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	q.mu.Unlock()
	q.notEmpty.Signal()
}

// pop waits for a connection; it returns nil at the end.
func (q *readyQueue) pop() *Conn {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == nil {
		if q.ended {
			return nil
		}
		q.notEmpty.Wait()
	}
	c := q.head
	if q.head = c.next; q.head == nil {
		q.tail = nil
	}
	c.next = nil
	return c
}

func (q *readyQueue) close() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.notEmpty.Broadcast()
}

// readBuffer is what a worker reads in one call.
const readBuffer = 16 << 10

// maxReads bounds how long one connection keeps a worker; then it queues again behind the others.
const maxReads = 4

// work is one worker.
func (l *Loop) work() {
	buf := make([]byte, readBuffer)
	for {
		c := l.ready.pop()
		if c == nil {
			return
		}
		if c.released.Load() {
			c.poller.remove(c)
			c.closed()
			continue // its state stays busy: it never comes back
		}
		more := c.read(buf)
		if !more && c.state.CompareAndSwap(connBusy, connIdle) {
			continue
		}
		c.state.Store(connBusy)
		l.ready.push(c)
	}
}

// read takes what the socket holds and says whether there may be more.
func (c *Conn) read(buf []byte) (more bool) {
	for range maxReads {
		n, err := readFD(c.fd, buf)
		if err != nil {
			if err != errAgain {
				c.deafen()
				c.Member().Gone(err)
			}
			return false
		}
		c.received(buf[:n])
		if n < len(buf) {
			return false // the socket is drained: the next byte is a new event
		}
	}
	return true
}
