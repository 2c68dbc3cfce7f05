package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/thoonkd/thoonkd/internal/client"
	"github.com/thoonkd/thoonkd/internal/thoonk"
)

const bodyHelp = `The body is one of --body, --text, --xml and --file; without any of them the standard
input is read. What comes from a file or the standard input is sent as JSON if it is
JSON, as text if it is UTF-8, and else as binary; --as says otherwise.`

// maxInput bounds what is read into memory; it is far more than a server takes.
const maxInput = 64 << 20

// bodyFlags say what an item's body is.
type bodyFlags struct {
	cmd                       *cobra.Command
	json, text, xml, file, as string
}

func (b *bodyFlags) register(cmd *cobra.Command) {
	b.cmd = cmd
	flags := cmd.Flags()
	flags.StringVar(&b.json, "body", "", "`JSON`, any value, kept byte for byte")
	flags.StringVar(&b.text, "text", "", "`TEXT`")
	flags.StringVar(&b.xml, "xml", "", "`XML`, one element")
	flags.StringVar(&b.file, "file", "", "`FILE` to read the body from (- is the standard input)")
	flags.StringVar(&b.as, "as", "", "`FORM` of what is read: body (JSON), text, xml or base64 (binary)")
	cmd.MarkFlagsMutuallyExclusive("body", "text", "xml", "file")
	for _, name := range []string{"body", "text", "xml"} {
		cmd.MarkFlagsMutuallyExclusive(name, "as")
	}
	complete(cmd, "as", "body", "text", "xml", "base64")
}

// read returns the body. A fault in it is found before anything is sent.
func (b *bodyFlags) read(ctx context.Context, stdin io.Reader) (client.Body, error) {
	for name, body := range map[string]client.Body{
		"body": {Form: thoonk.FormBody, Data: []byte(b.json)},
		"text": {Form: thoonk.FormText, Data: []byte(b.text)},
		"xml":  {Form: thoonk.FormXML, Data: []byte(b.xml)},
	} {
		if b.cmd.Flags().Changed(name) {
			return body, check(body, "--"+name)
		}
	}
	data, err := b.input(ctx, stdin)
	if err != nil {
		return client.Body{}, err
	}
	body := client.Detect(data)
	body.Form = cmp.Or(thoonk.Form(b.as), body.Form)
	return body, check(body, "the input")
}

func check(body client.Body, what string) error {
	if e, ok := errors.AsType[*thoonk.Error](body.Form.Check(body.Data)); ok {
		return fmt.Errorf("%s: %s", what, e.Public)
	}
	return nil
}

func (b *bodyFlags) input(ctx context.Context, stdin io.Reader) ([]byte, error) {
	if b.file == "" && isTerminal(stdin) {
		return nil, errors.New("there is no body: give --body, --text, --xml or --file (--file - reads what you type)")
	}
	if b.file != "" && b.file != "-" {
		file, err := os.Open(b.file)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		stdin = file
	}
	return readInput(ctx, func() ([]byte, error) {
		data, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
		if len(data) > maxInput {
			err = fmt.Errorf("the input is longer than %d bytes", maxInput)
		}
		return data, err
	})
}

// readInput returns what read does, or an error when ctx ends: nothing else interrupts a read from a terminal.
func readInput[T any](ctx context.Context, read func() (T, error)) (T, error) {
	var value T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		value, err = read()
	}()
	select {
	case <-done:
		return value, err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
