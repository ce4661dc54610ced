package remote

import (
	"bytes"
	"cmp"
	"crypto/sha1" // a fingerprint that the format has
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"
)

// keyListMagic begins a key revocation list (PROTOCOL.krl of OpenSSH).
const keyListMagic = "SSHKRL\n\x00"

// Sections of a key revocation list, and those of its section of certificates.
const (
	listCerts     = 1
	listKeys      = 2
	listSHA1      = 3
	listSHA256    = 5
	listExtension = 255

	listSerials       = 0x20
	listSerialRange   = 0x21
	listSerialBits    = 0x22
	listKeyIDs        = 0x23
	listCertExtension = 0x39
)

// keyList is what a key revocation list revokes.
type keyList struct {
	keys  map[string]bool       // plain keys, and their SHA1 and SHA256
	certs map[string]*certsOfCA // by the authority's key; "" is any authority
}

// certsOfCA are revoked certificates of one authority.
type certsOfCA struct {
	serials []serialRange
	ids     map[string]bool
}

type serialRange struct{ low, high uint64 }

func (l *keyList) hasKey(blob []byte) bool {
	one, two := sha1.Sum(blob), sha256.Sum256(blob)
	return l.keys[string(blob)] || l.keys[string(one[:])] || l.keys[string(two[:])]
}

// hasCert does not look at the key of a certificate, nor at the authority's.
// Serial number 0 is that of certificates without one, and revokes none.
func (l *keyList) hasCert(c *ssh.Certificate) bool {
	for _, ca := range []string{string(c.SignatureKey.Marshal()), ""} {
		certs := l.certs[ca]
		if certs == nil {
			continue
		}
		if certs.ids[c.KeyId] {
			return true
		}
		i, found := slices.BinarySearchFunc(certs.serials, c.Serial, func(r serialRange, n uint64) int { return cmp.Compare(r.low, n) })
		if c.Serial != 0 && (found || i > 0 && c.Serial <= certs.serials[i-1].high) {
			return true
		}
	}
	return false
}

// listReader reads the wire format of RFC 4251. After an error it reads zeros.
type listReader struct {
	rest []byte
	err  error
}

func (r *listReader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.err, r.rest = fmt.Errorf("%w: it is cut off", errKeyList), nil
		return make([]byte, min(n, 8))
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *listReader) byte() byte     { return r.take(1)[0] }
func (r *listReader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *listReader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }
func (r *listReader) string() []byte { return r.take(uint64(r.uint32())) }
func (r *listReader) more() bool     { return r.err == nil && len(r.rest) > 0 }

func (r *listReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", errKeyList, fmt.Sprintf(format, args...))
	}
}

// parseKeyList reads a whole list. What it does not know is an error: it may
// revoke something. So is a signature, as for OpenSSH since 9.4.
func parseKeyList(text []byte) (*keyList, error) {
	l := &keyList{keys: map[string]bool{}, certs: map[string]*certsOfCA{}}
	r := &listReader{rest: text[len(keyListMagic):]}
	if version := r.uint32(); version != 1 {
		r.fail("its version is %d", version)
	}
	r.take(3 * 8) // its number, time and flags
	r.string()    // reserved
	r.string()    // comment
	for r.more() {
		kind := r.byte()
		section := &listReader{rest: r.string()}
		switch kind {
		case listCerts:
			l.readCerts(section)
		case listKeys:
			l.readKeys(section, 0)
		case listSHA1:
			l.readKeys(section, sha1.Size)
		case listSHA256:
			l.readKeys(section, sha256.Size)
		case listExtension:
			section.extension()
		default:
			section.fail("section %d is not known", kind)
		}
		if section.more() {
			section.fail("section %d has something behind it", kind)
		}
		r.err = cmp.Or(r.err, section.err)
	}
	for _, c := range l.certs {
		c.join()
	}
	return l, r.err
}

// readKeys reads keys, or hashes of a size.
func (l *keyList) readKeys(r *listReader, size int) {
	for r.more() {
		key := r.string()
		if size != 0 && len(key) != size && r.err == nil {
			r.fail("a fingerprint of %d bytes", len(key))
		}
		l.keys[string(key)] = true
	}
}

// extension skips what may be skipped.
func (r *listReader) extension() {
	name := r.string()
	if critical := r.byte(); critical != 0 {
		r.fail("it needs the extension %q", excerptText(string(name)))
	}
	r.string()
}

func (l *keyList) readCerts(r *listReader) {
	ca := string(r.string())
	r.string() // reserved
	certs := l.certs[ca]
	if certs == nil {
		certs = &certsOfCA{ids: map[string]bool{}}
		l.certs[ca] = certs
	}
	for r.more() {
		kind := r.byte()
		section := &listReader{rest: r.string()}
		certs.read(kind, section)
		if section.more() {
			section.fail("certificate section %d has something behind it", kind)
		}
		r.err = cmp.Or(r.err, section.err)
	}
}

func (c *certsOfCA) read(kind byte, r *listReader) {
	revoke := func(low, high uint64) {
		if r.err == nil && (low == 0 || low > high) {
			r.fail("serial numbers %d to %d", low, high)
		}
		c.serials = append(c.serials, serialRange{low, high})
	}
	switch kind {
	case listSerials:
		for r.more() {
			n := r.uint64()
			revoke(n, n)
		}
	case listSerialRange:
		revoke(r.uint64(), r.uint64())
	case listSerialBits:
		first, bits := r.uint64(), bytes.TrimLeft(r.string(), "\x00")
		for i := range uint64(len(bits)) * 8 {
			if bits[uint64(len(bits))-1-i/8]>>(i%8)&1 == 1 {
				if first+i < first {
					r.fail("serial numbers beyond 64 bits")
					return
				}
				revoke(first+i, first+i)
			}
		}
	case listKeyIDs:
		for r.more() {
			c.ids[string(r.string())] = true
		}
	case listCertExtension:
		r.extension()
	default:
		r.fail("certificate section %d is not known", kind)
	}
}

// join makes the serial numbers sorted ranges that do not overlap.
func (c *certsOfCA) join() {
	slices.SortFunc(c.serials, func(a, b serialRange) int { return cmp.Compare(a.low, b.low) })
	var joined []serialRange
	for _, s := range c.serials {
		if n := len(joined); n > 0 && (s.low <= joined[n-1].high || s.low == joined[n-1].high+1) {
			joined[n-1].high = max(joined[n-1].high, s.high)
			continue
		}
		joined = append(joined, s)
	}
	c.serials = joined
}
