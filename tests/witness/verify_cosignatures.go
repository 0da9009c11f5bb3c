// Verifies what a witness keeps with golang.org/x/mod/sumdb and crypto/ed25519, which share no code with
// veilwire: that each checkpoint is signed by the log, that the records that are kept come to its root, and
// that the cosignature is of it (C2SP tlog-cosignature v1, which sumdb/note does not know).
//
//	verify_cosignatures WITNESS_KEY LOG_KEY... < LINES
//
// LINES are the records in their order, {"record":"BASE64"}, then the checkpoints, {"note":..., "cosignature":...}.
// Prints what it found as JSON; exits with 1 and a line that says why when anything does not hold.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const witnessKind = 4

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

type witness struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

// NAME+ID+BASE64 of the kind and the key, as in signed-note.
func parseWitness(text string) witness {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		fail("no key: %q", text)
	}
	bytes, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(bytes) != 1+ed25519.PublicKeySize || bytes[0] != witnessKind {
		fail("no key of a witness: %q", text)
	}
	hash := sha256.Sum256(append([]byte(parts[0]+"\n"), bytes...))
	if fmt.Sprintf("%08x", binary.BigEndian.Uint32(hash[:4])) != parts[1] {
		fail("the key has another id: %q", text)
	}
	return witness{parts[0], binary.BigEndian.Uint32(hash[:4]), bytes[1:]}
}

func (w witness) verify(text, line string) uint64 {
	rest := strings.TrimPrefix(line, "— "+w.name+" ")
	bytes, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(bytes) != 4+8+ed25519.SignatureSize || binary.BigEndian.Uint32(bytes) != w.id {
		fail("no cosignature: %q", line)
	}
	time := binary.BigEndian.Uint64(bytes[4:])
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	if !ed25519.Verify(w.key, []byte(message), bytes[12:]) {
		fail("a cosignature does not hold: %q", line)
	}
	return time
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: verify_cosignatures WITNESS_KEY LOG_KEY... < LINES")
	}
	by := parseWitness(os.Args[1])
	var known []note.Verifier
	for _, text := range os.Args[2:] {
		verifier, err := note.NewVerifier(text)
		if err != nil {
			fail("the key: %v", err)
		}
		known = append(known, verifier)
	}
	var hashes []tlog.Hash // as tlog stores them
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = hashes[at]
		}
		return out, nil
	})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 4<<20)
	records, checkpoints, last := int64(0), 0, uint64(0)
	for in.Scan() {
		var line struct {
			Record            *[]byte
			Note, Cosignature string
		}
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			fail("%v", err)
		}
		if line.Record != nil {
			stored, err := tlog.StoredHashes(records, *line.Record, read)
			if err != nil {
				fail("record %d: %v", records, err)
			}
			hashes = append(hashes, stored...)
			records++
			continue
		}
		opened, err := note.Open([]byte(line.Note), note.VerifierList(known...))
		if err != nil {
			fail("the log's signature: %v", err)
		}
		fields := strings.Split(opened.Text, "\n")
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || size > records {
			fail("a checkpoint of %q records, of which %d are kept", fields[1], records)
		}
		root, err := tlog.TreeHash(size, read)
		if err != nil || size != 0 && root.String() != fields[2] {
			fail("the records come to another root than that of the checkpoint of %d: %v", size, err)
		}
		last = by.verify(opened.Text, line.Cosignature)
		checkpoints++
	}
	if err := in.Err(); err != nil {
		fail("%v", err)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"records": records, "checkpoints": checkpoints, "last": last,
	})
}
