// Package interop calls an Ichor node through the public Talos client library: what this client
// can read is proof that the bytes on the wire are the expected ones.
//
// The node is named by ICHOR_ENDPOINT (host:port) and is in maintenance mode.
package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cosi-project/runtime/pkg/resource"
	"github.com/cosi-project/runtime/pkg/resource/meta"
	"github.com/cosi-project/runtime/pkg/safe"
	"github.com/cosi-project/runtime/pkg/state"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/client"
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
	"google.golang.org/protobuf/types/known/emptypb"
)

func connect(t *testing.T) (context.Context, *client.Client) {
	t.Helper()
	endpoint := os.Getenv("ICHOR_ENDPOINT")
	if endpoint == "" {
		t.Fatal("ICHOR_ENDPOINT names no node; run these tests with ./x test interop")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	c, err := client.New(ctx,
		client.WithEndpoints(endpoint),
		client.WithTLSConfig(&tls.Config{InsecureSkipVerify: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return ctx, c
}

func TestVersion(t *testing.T) {
	ctx, c := connect(t)
	reply, err := c.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	version := reply.Messages[0].Version
	if !strings.HasPrefix(version.Tag, "v1.14.0+ichor.") {
		t.Errorf("tag is %q", version.Tag)
	}
	if version.Os != "linux" || version.Arch != "amd64" {
		t.Errorf("os/arch is %s/%s", version.Os, version.Arch)
	}
}

func TestUnaryCalls(t *testing.T) {
	ctx, c := connect(t)
	empty := &emptypb.Empty{}
	t.Run("hostname", func(t *testing.T) {
		reply, err := c.MachineClient.Hostname(ctx, empty)
		if err != nil || reply.Messages[0].Hostname == "" {
			t.Fatal(reply, err)
		}
	})
	t.Run("services", func(t *testing.T) {
		reply, err := c.ServiceList(ctx)
		if err != nil {
			t.Fatal(err)
		}
		running := map[string]string{}
		for _, service := range reply.Messages[0].Services {
			running[service.Id] = service.State
		}
		for _, id := range []string{"machined", "apid"} {
			if running[id] != "Running" {
				t.Errorf("%s is %q; all: %v", id, running[id], running)
			}
		}
	})
	t.Run("memory", func(t *testing.T) {
		reply, err := c.Memory(ctx)
		if err != nil || reply.Messages[0].Meminfo.Memtotal == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("loadavg", func(t *testing.T) {
		if _, err := c.MachineClient.LoadAvg(ctx, empty); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("cpuinfo", func(t *testing.T) {
		reply, err := c.MachineClient.CPUInfo(ctx, empty)
		if err != nil || len(reply.Messages[0].CpuInfo) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("systemstat", func(t *testing.T) {
		reply, err := c.MachineClient.SystemStat(ctx, empty)
		if err != nil || reply.Messages[0].BootTime == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("diskstats", func(t *testing.T) {
		if _, err := c.MachineClient.DiskStats(ctx, empty); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("networkdevicestats", func(t *testing.T) {
		reply, err := c.MachineClient.NetworkDeviceStats(ctx, empty)
		if err != nil || len(reply.Messages[0].Devices) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("processes", func(t *testing.T) {
		reply, err := c.Processes(ctx)
		if err != nil || len(reply.Messages[0].Processes) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("mounts", func(t *testing.T) {
		reply, err := c.Mounts(ctx)
		if err != nil || len(reply.Messages[0].Stats) == 0 {
			t.Fatal(reply, err)
		}
	})
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

func TestStreams(t *testing.T) {
	ctx, c := connect(t)
	t.Run("dmesg", func(t *testing.T) {
		stream, err := c.Dmesg(ctx, false, false)
		if err != nil {
			t.Fatal(err)
		}
		lines := drain(t, 1<<20, stream.Recv)
		if len(lines) < 10 || !strings.Contains(string(lines[0].Bytes), ": [") {
			t.Errorf("%d lines, first %v", len(lines), lines[:min(1, len(lines))])
		}
	})
	t.Run("logs", func(t *testing.T) {
		stream, err := c.Logs(ctx, "system", common.ContainerDriver_CONTAINERD, "machined", false, 20)
		if err != nil {
			t.Fatal(err)
		}
		if chunks := drain(t, 1<<20, stream.Recv); len(chunks) == 0 {
			t.Error("machined has no log")
		}
	})
	t.Run("events", func(t *testing.T) {
		stream, err := c.MachineClient.Events(ctx, &machine.EventsRequest{TailEvents: -1})
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range drain(t, 8, stream.Recv)[1:] {
			if !strings.HasPrefix(event.Data.TypeUrl, "talos/runtime/machine.") || len(event.Id) != 20 {
				t.Errorf("event %v", event)
			}
		}
	})
	t.Run("list", func(t *testing.T) {
		stream, err := c.LS(ctx, &machine.ListRequest{Root: "/etc"})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, info := range drain(t, 1000, stream.Recv) {
			names[info.RelativeName] = true
		}
		if !names["os-release"] {
			t.Errorf("/etc has %v", names)
		}
	})
	t.Run("usage", func(t *testing.T) {
		stream, err := c.DiskUsage(ctx, &machine.DiskUsageRequest{Paths: []string{"/etc"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(drain(t, 1000, stream.Recv)) == 0 {
			t.Error("no usage of /etc")
		}
	})
}

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

func TestWritesAreRefused(t *testing.T) {
	ctx, c := connect(t)
	if err := c.Reboot(ctx); status.Code(err) != codes.PermissionDenied {
		t.Errorf("reboot in maintenance mode: %v", err)
	}
	namespace := meta.NewNamespace("mine", meta.NamespaceSpec{})
	// The library wraps this error in a type that hides its code.
	err := c.COSI.Create(ctx, namespace)
	if err == nil || !strings.Contains(err.Error(), "not authorized") {
		t.Errorf("create: %v", err)
	}
}
