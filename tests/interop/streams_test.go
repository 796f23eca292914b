package interop

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/api/common"
	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestStreams(t *testing.T) {
	ctx, c := connect(t)
	t.Run("Dmesg", func(t *testing.T) {
		stream, err := c.Dmesg(ctx, false, false)
		if err != nil {
			t.Fatal(err)
		}
		lines := drain(t, 1<<20, stream.Recv)
		if len(lines) < 10 || !strings.Contains(string(lines[0].Bytes), ": [") {
			t.Errorf("%d lines, first %v", len(lines), lines[:min(1, len(lines))])
		}
	})
	t.Run("Logs", func(t *testing.T) {
		stream, err := c.Logs(ctx, "system", common.ContainerDriver_CONTAINERD, "machined", false, 20)
		if err != nil {
			t.Fatal(err)
		}
		if chunks := drain(t, 1<<20, stream.Recv); len(chunks) == 0 {
			t.Error("machined has no log")
		}
	})
	t.Run("LogsOfNobody", func(t *testing.T) {
		stream, err := c.Logs(ctx, "system", common.ContainerDriver_CONTAINERD, "nobody", false, 20)
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.NotFound {
			t.Error(err)
		}
	})
	t.Run("Events", func(t *testing.T) {
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
	t.Run("List", func(t *testing.T) {
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
	t.Run("ListEverything", func(t *testing.T) {
		stream, err := c.LS(ctx, &machine.ListRequest{Root: "/usr", Recurse: true})
		if err != nil {
			t.Fatal(err)
		}
		if count := len(drain(t, 1<<20, stream.Recv)); count < 200 {
			t.Errorf("only %d files", count)
		}
	})
	t.Run("DiskUsage", func(t *testing.T) {
		stream, err := c.DiskUsage(ctx, &machine.DiskUsageRequest{Paths: []string{"/etc", "/usr"}})
		if err != nil {
			t.Fatal(err)
		}
		sizes := map[string]int64{}
		for _, usage := range drain(t, 1<<20, stream.Recv) {
			sizes[usage.Name] = usage.Size
		}
		if sizes["/etc"] == 0 || sizes["/usr"] < 1<<20 {
			t.Errorf("usage %v", sizes)
		}
	})
	t.Run("Deadline", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		stream, err := c.Dmesg(short, true, true)
		for err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.DeadlineExceeded {
			t.Error(err)
		}
	})
}
