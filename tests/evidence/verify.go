// Verifies a bundle of `veilwire audit export` with golang.org/x/mod/sumdb, which shares no code with
// veilwire: the signature of the checkpoint, the inclusion of each record, and, where the bundle has
// every record, the root that they come to and that the tree of each earlier checkpoint is a beginning
// of it.
//
//	verify KEY... < BUNDLE
//
// Prints what it found as JSON; exits with 1 and a line that says why when anything does not hold.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

// A C2SP checkpoint: origin, size, root, extensions.
func parseCheckpoint(text string) checkpoint {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		fail("no checkpoint: %q", text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("no size: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		fail("no root: %v", err)
	}
	return checkpoint{size, root}
}

func open(text string, keys note.Verifiers) checkpoint {
	n, err := note.Open([]byte(text), keys)
	if err != nil {
		fail("the checkpoint's signature: %v", err)
	}
	if len(n.Sigs) == 0 {
		fail("the checkpoint has no signature of a key")
	}
	return parseCheckpoint(n.Text)
}

type line struct {
	Index        int64           `json:"index"`
	Proof        []string        `json:"proof"`
	Record       json.RawMessage `json:"record"`
	RecordBase64 []byte          `json:"record_base64"`
}

func main() {
	if len(os.Args) < 2 {
		fail("usage: verify KEY... < BUNDLE")
	}
	var known []note.Verifier
	for _, text := range os.Args[1:] {
		verifier, err := note.NewVerifier(text)
		if err != nil {
			fail("the key: %v", err)
		}
		known = append(known, verifier)
	}
	keys := note.VerifierList(known...)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 4<<20)
	if !in.Scan() {
		fail("empty")
	}
	var head struct {
		Bundle     int    `json:"bundle"`
		Checkpoint string `json:"checkpoint"`
	}
	if err := json.Unmarshal(in.Bytes(), &head); err != nil || head.Bundle != 1 {
		fail("no bundle: %v", err)
	}
	last := open(head.Checkpoint, keys)

	var hashes []tlog.Hash // as tlog stores them
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = hashes[at]
		}
		return out, nil
	})
	records, whole, earlier := 0, true, 0
	var sizes []checkpoint
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			fail("line %d: %v", records+2, err)
		}
		data := []byte(l.Record)
		if l.Record == nil {
			data = l.RecordBase64
		}
		var proof tlog.RecordProof
		for _, text := range l.Proof {
			bytes, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(bytes) != tlog.HashSize {
				fail("record %d: no hash: %q", l.Index, text)
			}
			var hash tlog.Hash
			copy(hash[:], bytes)
			proof = append(proof, hash)
		}
		if err := tlog.CheckRecord(proof, last.size, last.root, l.Index, tlog.RecordHash(data)); err != nil {
			fail("record %d: %v", l.Index, err)
		}
		if l.Index == int64(records) && whole {
			stored, err := tlog.StoredHashes(l.Index, data, read)
			if err != nil {
				fail("record %d: %v", l.Index, err)
			}
			hashes = append(hashes, stored...)
		} else {
			whole = false
		}
		records++
		var record struct {
			Kind string `json:"kind"`
			Note string `json:"note"`
		}
		if json.Unmarshal(data, &record) == nil && record.Kind == "checkpoint" {
			sizes = append(sizes, open(record.Note, keys))
		}
	}
	if err := in.Err(); err != nil {
		fail("%v", err)
	}
	whole = whole && int64(records) == last.size
	if whole {
		root, err := tlog.TreeHash(last.size, read)
		if err != nil || root != last.root {
			fail("the records come to another root: %v", err)
		}
		for _, c := range sizes {
			proof, err := tlog.ProveTree(last.size, c.size, read)
			if c.size == 0 {
				continue
			}
			if err != nil {
				fail("checkpoint of %d: %v", c.size, err)
			}
			if err := tlog.CheckTree(proof, last.size, last.root, c.size, c.root); err != nil {
				fail("checkpoint of %d: %v", c.size, err)
			}
			earlier++
		}
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"records": records, "size": last.size, "whole": whole, "consistent": earlier,
	})
}
