// Package interop calls an Ichor node through the public Talos client library: what this client
// can read is proof that the bytes on the wire are the expected ones.
//
// The node is named by ICHOR_ENDPOINT (host:port) and is in maintenance mode.
package interop

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// answered holds the methods that were called and answered.
var answered sync.Map

func unary(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	err := invoke(ctx, method, request, reply, connection, options...)
	if err == nil {
		answered.Store(method, true)
	}
	return err
}

func stream(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn,
	method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	opened, err := open(ctx, description, connection, method, options...)
	if err != nil {
		return nil, err
	}
	return recorded{opened, method}, nil
}

// recorded is a stream that counts as answered with its first message, or with its orderly end.
type recorded struct {
	grpc.ClientStream
	method string
}

func (r recorded) RecvMsg(message any) error {
	err := r.ClientStream.RecvMsg(message)
	if err == nil || errors.Is(err, io.EOF) {
		answered.Store(r.method, true)
	}
	return err
}

func connect(t *testing.T) (context.Context, *client.Client) {
	t.Helper()
	endpoint := os.Getenv("ICHOR_ENDPOINT")
	if endpoint == "" {
		t.Fatal("ICHOR_ENDPOINT names no node; run these tests with ./x test interop")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c, err := client.New(ctx,
		client.WithMaintenanceMode(endpoint, nil),
		client.WithGRPCDialOptions(
			grpc.WithChainUnaryInterceptor(unary),
			grpc.WithChainStreamInterceptor(stream)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return ctx, c
}

// invoke calls a method that this version of the library does not know. Request and reply are their
// bytes: an empty message keeps the fields that it does not know.
func invoke(ctx context.Context, c *client.Client, method string, request []byte) ([]byte, error) {
	sent, received := &emptypb.Empty{}, &emptypb.Empty{}
	sent.ProtoReflect().SetUnknown(request)
	if err := c.Conn().Invoke(ctx, method, sent, received); err != nil {
		return nil, err
	}
	return received.ProtoReflect().GetUnknown(), nil
}

// drain reads a stream to its end or to limit messages.
func drain[T any](t *testing.T, limit int, recv func() (T, error)) []T {
	t.Helper()
	var all []T
	for len(all) < limit {
		message, err := recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message)
	}
	return all
}
