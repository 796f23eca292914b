// Package conformance runs the public conformance suite of the resource state against ours.
//
// The state is empty, in memory, and served on the socket that ICHOR_STATE_SOCKET names.
package conformance

import (
	"context"
	"os"
	"sync"
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
		State:      &settling{State: state.WrapCore(client.NewAdapter(v1alpha1.NewStateClient(connection)))},
		Namespaces: []resource.Namespace{"default", "controller", "system", "runtime"},
	})
}

// settling returns from TeardownAndDestroy when the removal of the last finalizer, which let it
// go on, has had its answer too. The suite cancels both as soon as the first of them returns, and
// takes a removal that is cut off between its effect and its answer for an error.
type settling struct {
	state.State
	removals sync.RWMutex
}

func (s *settling) RemoveFinalizer(ctx context.Context, pointer resource.Pointer, finalizers ...resource.Finalizer) error {
	s.removals.RLock()
	defer s.removals.RUnlock()
	return s.State.RemoveFinalizer(ctx, pointer, finalizers...)
}

func (s *settling) TeardownAndDestroy(ctx context.Context, pointer resource.Pointer, options ...state.TeardownAndDestroyOption) error {
	err := s.State.TeardownAndDestroy(ctx, pointer, options...)
	s.removals.Lock()
	defer s.removals.Unlock()
	return err
}
