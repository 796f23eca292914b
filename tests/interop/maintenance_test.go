package interop

import (
	"context"
	"strings"
	"testing"

	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/api/storage"
	"github.com/siderolabs/talos/pkg/machinery/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// What needs more than a reader is refused, whatever a caller says of itself.
func TestReadersMayNot(t *testing.T) {
	ctx, c := connect(t)
	for _, own := range []context.Context{
		ctx,
		metadata.AppendToOutgoingContext(ctx, "talos-role", "os:admin", "proxyfrom", "10.0.0.1"),
		client.WithNode(ctx, "10.5.0.2"),
	} {
		for method, call := range map[string]func(context.Context) error{
			"Reboot":      func(ctx context.Context) error { return c.Reboot(ctx) },
			"Shutdown":    func(ctx context.Context) error { return c.Shutdown(ctx) },
			"Reset":       func(ctx context.Context) error { return c.Reset(ctx, false, false) },
			"Rollback":    func(ctx context.Context) error { return c.Rollback(ctx) },
			"Bootstrap":   func(ctx context.Context) error { return c.Bootstrap(ctx, &machine.BootstrapRequest{}) },
			"MetaWrite":   func(ctx context.Context) error { return c.MetaWrite(ctx, 10, []byte("x")) },
			"ServiceStop": func(ctx context.Context) error { _, err := c.ServiceStop(ctx, "apid"); return err },
			"Read": func(ctx context.Context) error {
				return first(c.MachineClient.Read(ctx, &machine.ReadRequest{Path: "/etc/os-release"}))
			},
			"Copy": func(ctx context.Context) error {
				return first(c.MachineClient.Copy(ctx, &machine.CopyRequest{RootPath: "/etc"}))
			},
			"Kubeconfig": func(ctx context.Context) error { return first(c.MachineClient.Kubeconfig(ctx, &emptypb.Empty{})) },
			"EtcdSnapshot": func(ctx context.Context) error {
				return first(c.MachineClient.EtcdSnapshot(ctx, &machine.EtcdSnapshotRequest{}))
			},
		} {
			if err := call(own); status.Code(err) != codes.PermissionDenied {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
}

// first gives the error of a stream that should not begin.
func first[T any](stream interface{ Recv() (T, error) }, err error) error {
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}

// These are open until there is a configuration, even when they cannot do anything yet.
func TestMaintenanceMay(t *testing.T) {
	ctx, c := connect(t)
	for method, call := range map[string]func() error{
		"ApplyConfiguration": func() error {
			_, err := c.ApplyConfiguration(ctx, &machine.ApplyConfigurationRequest{Data: []byte("x"), DryRun: true})
			return err
		},
		"BlockDeviceWipe": func() error {
			return c.BlockDeviceWipe(ctx, &storage.BlockDeviceWipeRequest{
				Devices: []*storage.BlockDeviceWipeDescriptor{{Device: "nothing"}},
			})
		},
		"LogicalVolumeRemove": func() error {
			_, err := c.LVMClient.LogicalVolumeRemove(ctx, &machine.LVMServiceLogicalVolumeRemoveRequest{})
			return err
		},
		"Destroy": func() error {
			_, err := invoke(ctx, c, "/machine.MDService/Destroy", nil)
			return err
		},
	} {
		err := call()
		if err == nil || status.Code(err) == codes.PermissionDenied {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestWritesToTheStateAreRefused(t *testing.T) {
	ctx, c := connect(t)
	namespace := meta.NewNamespace("mine", meta.NamespaceSpec{})
	for verb, write := range map[string]func() error{
		"create":   func() error { return c.COSI.Create(ctx, namespace) },
		"update":   func() error { return c.COSI.Update(ctx, namespace) },
		"destroy":  func() error { return c.COSI.Destroy(ctx, namespace.Metadata()) },
		"teardown": func() error { _, err := c.COSI.Teardown(ctx, namespace.Metadata()); return err },
	} {
		// The library wraps these errors in a type that hides their code.
		if err := write(); err == nil || !strings.Contains(err.Error(), "not authorized") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestUnknownMethodsAreNamed(t *testing.T) {
	ctx, c := connect(t)
	_, err := invoke(ctx, c, "/other.Service/Do", nil)
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "/other.Service/Do") {
		t.Error(err)
	}
}

func TestMessagesHaveALimit(t *testing.T) {
	ctx, c := connect(t)
	_, err := c.ApplyConfiguration(ctx, &machine.ApplyConfigurationRequest{Data: make([]byte, 33<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
	if _, err := c.Version(ctx); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
