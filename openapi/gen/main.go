// Command gen writes the OpenAPI document and the page that shows it. The annotations of package api say what
// operations there are, with their parameters and statuses; the files in parts say all that annotations cannot.
//
//	go run ./gen [-out directory]     in the directory openapi
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed parts/*.yaml
var files embed.FS

func main() {
	log.SetFlags(0)
	out := flag.String("out", ".", "`directory` to write to")
	flag.Parse()
	if err := generate(*out); err != nil {
		log.Fatal(err)
	}
}

func generate(out string) error {
	drafted, err := draft()
	if err != nil {
		return err
	}
	p, err := readParts()
	if err != nil {
		return err
	}
	doc, err := mend(drafted, p)
	if err != nil {
		return err
	}
	text, err := format(doc)
	if err != nil {
		return err
	}
	page, err := render(doc)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(out, "openapi.json"), text, 0o644),
		os.WriteFile(filepath.Join(out, "docs.html"), page, 0o644),
	)
}

// draft returns what swag makes of the annotations.
func draft() (*object, error) {
	dir, err := os.MkdirTemp("", "openapi")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	swag := exec.Command("go", "tool", "swag", "init", "--v3.1", "--quiet", "--parseInternal",
		"--generalInfo", "routes.go", "--dir", "../api,../hub,../internal/thoonk", "--output", dir, "--outputTypes", "json")
	if text, err := swag.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("swag: %w\n%s", err, text)
	}
	data, err := os.ReadFile(filepath.Join(dir, "swagger.json"))
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// parts is what the files in the directory of that name say.
type parts struct {
	info, operations, parameters, headers, responses, schemas *object
}

func readParts() (parts, error) {
	var p parts
	for name, into := range map[string]**object{
		"info": &p.info, "operations": &p.operations, "parameters": &p.parameters, "headers": &p.headers,
		"responses": &p.responses, "schemas": &p.schemas,
	} {
		data, err := files.ReadFile("parts/" + name + ".yaml")
		if err != nil {
			return p, err
		}
		if *into, err = parse(data); err != nil {
			return p, fmt.Errorf("parts/%s.yaml: %w", name, err)
		}
	}
	return p, nil
}
