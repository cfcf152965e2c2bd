//go:build cqar_grpc133

package cqar

import "google.golang.org/grpc"

// The names of grpc-go 1.33, which Debian 12 has.
func connect(target string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.Dial(target, options...)
}

func plaintext() grpc.DialOption {
	return grpc.WithInsecure()
}
