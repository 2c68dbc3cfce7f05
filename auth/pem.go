package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const pemBegin = "-----BEGIN "

// parsePEM reads every block as a key of its own. Of a certificate only the public key counts: who put it in the file
// vouches for it, not a chain.
func parsePEM(text []byte) ([]key, error) {
	var keys []key
	blocks := 0
	for rest := text; ; blocks++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" { // openssl ecparam puts the curve before the key, which names it again
			continue
		}
		k, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d (%s): %w", blocks+1, block.Type, err)
		}
		keys = append(keys, k)
	}
	if blocks != bytes.Count(text, []byte(pemBegin)) { // Decode passes over what it cannot read
		return nil, fmt.Errorf("PEM block %d is damaged", blocks+1)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it")
	}
	return keys, nil
}

func parseBlock(block *pem.Block) (key, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return key{}, errors.New("the key is encrypted: give it without a passphrase")
	}
	material, err := parseDER(block.Type, block.Bytes)
	if err != nil {
		return key{}, err
	}
	return newKey(material)
}

func parseDER(kind string, der []byte) (any, error) {
	switch kind {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(der)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(der)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(der)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	}
	return nil, errors.New("not a block that is taken: PUBLIC KEY, PRIVATE KEY, CERTIFICATE, their RSA and EC forms")
}
