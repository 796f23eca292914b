package interop

import (
	"context"
	"testing"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/cosi-project/runtime/pkg/state"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/block"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/cluster"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/files"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/hardware"
	"github.com/siderolabs/talos/pkg/machinery/resources/network"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/perf"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/runtime"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/secrets"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/time"
	_ "github.com/siderolabs/talos/pkg/machinery/resources/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestEveryResourceType(t *testing.T) {
	ctx, c := connect(t)
	definitions, err := safe.StateListAll[*meta.ResourceDefinition](ctx, c.COSI)
	if err != nil {
		t.Fatal(err)
	}
	if definitions.Len() < 190 {
		t.Errorf("only %d resource definitions", definitions.Len())
	}
	for definition := range definitions.All() {
		spec := definition.TypedSpec()
		t.Run(spec.Type, func(t *testing.T) {
			kind := resource.NewMetadata(spec.DefaultNamespace, spec.Type, "", resource.VersionUndefined)
			list, err := c.COSI.List(ctx, kind)
			if spec.Sensitivity == meta.Sensitive {
				if status.Code(err) != codes.PermissionDenied {
					t.Errorf("a reader may list a sensitive type: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			watchContext, cancel := context.WithCancel(ctx)
			defer cancel()
			events := make(chan state.Event)
			if err := c.COSI.WatchKind(watchContext, kind, events, state.WithBootstrapContents(true)); err != nil {
				t.Fatal(err)
			}
			seen := 0
			for event := range events {
				if event.Type == state.Errored {
					t.Fatal(event.Error)
				}
				if event.Type == state.Bootstrapped {
					break
				}
				seen++
			}
			if seen < len(list.Items) {
				t.Errorf("list has %d, watch %d", len(list.Items), seen)
			}
			for _, item := range list.Items {
				got, err := c.COSI.Get(ctx, item.Metadata())
				if err != nil {
					// What comes and goes by itself may be gone by now.
					if !state.IsNotFoundError(err) {
						t.Errorf("%s: %v", item.Metadata(), err)
					}
					continue
				}
				if got.Metadata().ID() != item.Metadata().ID() {
					t.Errorf("asked for %s, got %s", item.Metadata(), got.Metadata())
				}
			}
		})
	}
}

func TestAddressIsTyped(t *testing.T) {
	ctx, c := connect(t)
	addresses, err := safe.StateListAll[*network.AddressStatus](ctx, c.COSI)
	if err != nil {
		t.Fatal(err)
	}
	for address := range addresses.All() {
		if address.TypedSpec().LinkName == "lo" && address.TypedSpec().Address.String() == "127.0.0.1/8" {
			return
		}
	}
	t.Error("127.0.0.1/8 is not on lo")
}
