package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/report"
)

// maxPasswordFile bounds a password; sudo itself takes 255 bytes.
const maxPasswordFile = 4 << 10

// addSudoPassword adds the flag of commands that become root.
func (f *hostFlags) addSudoPassword(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.sudoPassword, "sudo-password-file", "",
		"read the password for sudo from the first line of `FILE`, which nobody else may read, instead of asking on the terminal")
}

// askSudo answers for sudo: from the file, or by asking on the terminal; nil
// where there is neither.
func (f *hostFlags) askSudo(u *ui) (func() ([]byte, error), error) {
	if f.sudoPassword == "" {
		return u.askSudo(), nil
	}
	password, err := readPassword(f.sudoPassword)
	if err != nil {
		return nil, err
	}
	return func() ([]byte, error) { return bytes.Clone(password), nil }, nil
}

// readPassword reads a file that holds one line. What is no file, such as the
// pipe of <(command), is read once to its end.
func readPassword(path string) ([]byte, error) {
	refuse := func(hint, format string, args ...any) error {
		return usagef(hint, "--sudo-password-file %s %s", path, fmt.Sprintf(format, args...))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &usageError{err, "check the path after --sudo-password-file"}
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, &usageError{err, "check the path after --sudo-password-file"}
	}
	if st.Mode().IsRegular() && readableByOthers(st) {
		return nil, refuse("chmod 600 "+report.ShellWord(path), "can be read by others: permissions %#o", st.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxPasswordFile+1))
	switch line, rest, _ := bytes.Cut(text, []byte("\n")); {
	case err != nil:
		return nil, &usageError{err, "check the path after --sudo-password-file"}
	case len(text) > maxPasswordFile:
		return nil, refuse("give a file that holds the password and nothing else", "is longer than %d bytes", maxPasswordFile)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, refuse("give a file that holds the password and nothing else", "has more than one line")
	case len(line) == 0:
		return nil, refuse("write the password in its first line", "is empty")
	case bytes.ContainsAny(line, "\r\x00"):
		return nil, refuse("write it anew, as one line that ends in a newline", "has a carriage return or a NUL in it, which no password has")
	default:
		return line, nil
	}
}
