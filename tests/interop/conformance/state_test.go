// Package conformance runs the public conformance suite of the resource state against ours.
//
// The state is empty, in memory, and served on the socket that ICHOR_STATE_SOCKET names.
package conformance

import (
	"os"
	"testing"

	"github.com/cosi-project/runtime/api/v1alpha1"
	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/resource/protobuf"
	"github.com/cosi-project/runtime/pkg/state"
	"github.com/cosi-project/runtime/pkg/state/conformance"
	"github.com/cosi-project/runtime/pkg/state/protobuf/client"
	"github.com/stretchr/testify/suite"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestState(t *testing.T) {
	socket := os.Getenv("ICHOR_STATE_SOCKET")
	if socket == "" {
		t.Fatal("ICHOR_STATE_SOCKET names no socket; run these tests with ./x test interop")
	}
	if err := protobuf.RegisterResource(conformance.PathResourceType, &conformance.PathResource{}); err != nil {
		t.Fatal(err)
	}
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	suite.Run(t, &conformance.StateSuite{
		State:      state.WrapCore(client.NewAdapter(v1alpha1.NewStateClient(connection))),
		Namespaces: []resource.Namespace{"default", "controller", "system", "runtime"},
	})
}
