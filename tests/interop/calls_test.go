package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

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
	if platform := reply.Messages[0].Platform; platform.Name != "metal" || platform.Mode != "metal" {
		t.Errorf("platform is %v", platform)
	}
}

func TestCalls(t *testing.T) {
	ctx, c := connect(t)
	empty := &emptypb.Empty{}
	t.Run("Hostname", func(t *testing.T) {
		reply, err := c.MachineClient.Hostname(ctx, empty)
		if err != nil || reply.Messages[0].Hostname == "" {
			t.Fatal(reply, err)
		}
	})
	t.Run("ServiceList", func(t *testing.T) {
		reply, err := c.ServiceList(ctx)
		if err != nil {
			t.Fatal(err)
		}
		running := map[string]string{}
		for _, service := range reply.Messages[0].Services {
			running[service.Id] = service.State
		}
		for _, id := range []string{"machined", "networkd", "apid"} {
			if running[id] != "Running" {
				t.Errorf("%s is %q; all: %v", id, running[id], running)
			}
		}
	})
	t.Run("ServiceInfo", func(t *testing.T) {
		infos, err := c.ServiceInfo(ctx, "apid")
		if err != nil || len(infos) != 1 || len(infos[0].Service.Events.Events) == 0 {
			t.Fatal(infos, err)
		}
	})
	t.Run("Disks", func(t *testing.T) {
		reply, err := c.Disks(ctx)
		if err != nil || len(reply.Messages) != 1 {
			t.Fatal(reply, err)
		}
		// Which disks there are depends on what has been found since the boot.
		for _, disk := range reply.Messages[0].Disks {
			if disk.DeviceName == "" || disk.Size == 0 {
				t.Errorf("disk is %v", disk)
			}
		}
	})
	t.Run("Memory", func(t *testing.T) {
		reply, err := c.Memory(ctx)
		if err != nil || reply.Messages[0].Meminfo.Memtotal == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("LoadAvg", func(t *testing.T) {
		reply, err := c.MachineClient.LoadAvg(ctx, empty)
		if err != nil || len(reply.Messages) != 1 {
			t.Fatal(reply, err)
		}
	})
	t.Run("CPUInfo", func(t *testing.T) {
		reply, err := c.MachineClient.CPUInfo(ctx, empty)
		if err != nil || len(reply.Messages[0].CpuInfo) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("CPUFreqStats", func(t *testing.T) {
		// A virtual processor has no frequency that could be read.
		reply, err := c.MachineClient.CPUFreqStats(ctx, empty)
		if err != nil || len(reply.Messages) != 1 {
			t.Fatal(reply, err)
		}
	})
	t.Run("SystemStat", func(t *testing.T) {
		reply, err := c.MachineClient.SystemStat(ctx, empty)
		if err != nil || reply.Messages[0].BootTime == 0 || len(reply.Messages[0].Cpu) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("DiskStats", func(t *testing.T) {
		reply, err := c.MachineClient.DiskStats(ctx, empty)
		if err != nil || len(reply.Messages[0].Devices) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("NetworkDeviceStats", func(t *testing.T) {
		reply, err := c.MachineClient.NetworkDeviceStats(ctx, empty)
		if err != nil || len(reply.Messages[0].Devices) < 2 {
			t.Fatal(reply, err)
		}
	})
	t.Run("Processes", func(t *testing.T) {
		reply, err := c.Processes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, process := range reply.Messages[0].Processes {
			names[process.Command] = true
		}
		if len(names) < 3 {
			t.Errorf("only %v", names)
		}
	})
	t.Run("Mounts", func(t *testing.T) {
		reply, err := c.Mounts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, mount := range reply.Messages[0].Stats {
			if mount.MountedOn == "/" && mount.Size > 0 {
				return
			}
		}
		t.Errorf("no root: %v", reply.Messages[0].Stats)
	})
	t.Run("Netstat", func(t *testing.T) {
		reply, err := c.Netstat(ctx, &machine.NetstatRequest{
			Filter:  machine.NetstatRequest_LISTENING,
			Feature: &machine.NetstatRequest_Feature{Pid: true},
			L4Proto: &machine.NetstatRequest_L4Proto{Tcp: true, Tcp6: true},
			Netns:   &machine.NetstatRequest_NetNS{Hostnetwork: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, socket := range reply.Messages[0].Connectrecord {
			if socket.Localport == 50000 && socket.State == machine.ConnectRecord_LISTEN {
				return
			}
		}
		t.Errorf("nobody listens on the port of the API: %v", reply.Messages[0].Connectrecord)
	})
	t.Run("Statfs", func(t *testing.T) {
		// machine.StorageServiceStatfsRequest has the path in its first field.
		request := protowire.AppendTag(nil, 1, protowire.BytesType)
		request = protowire.AppendString(request, "/")
		reply, err := invoke(ctx, c, "/machine.StorageService/Statfs", request)
		if err != nil || len(reply) == 0 {
			t.Fatal(reply, err)
		}
	})
	t.Run("LogsContainers", func(t *testing.T) {
		reply, err := c.LogsContainers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if ids := strings.Join(reply.Messages[0].Ids, " "); !strings.Contains(ids, "machined") {
			t.Errorf("logs of %s", ids)
		}
	})
	t.Run("ControllerRuntimeDependencies", func(t *testing.T) {
		// Controllers tell of themselves a while after the first answer of a node.
		outputs := 0
		for end := time.Now().Add(time.Minute); outputs < 10; time.Sleep(200 * time.Millisecond) {
			reply, err := c.Inspect.ControllerRuntimeDependencies(ctx)
			if err != nil {
				t.Fatal(err)
			}
			outputs = 0
			for _, edge := range reply.Messages[0].Edges {
				if edge.EdgeType.String() == "OUTPUT_EXCLUSIVE" {
					outputs++
				}
			}
			if outputs < 10 && time.Now().After(end) {
				t.Fatalf("%d exclusive outputs in %d edges", outputs, len(reply.Messages[0].Edges))
			}
		}
	})
}

// What is ours alone, no client library of others knows.
func TestOwnCalls(t *testing.T) {
	ctx, c := connect(t)
	for _, method := range []string{"BootTimeline", "Controllers"} {
		t.Run(method, func(t *testing.T) {
			reply, err := invoke(ctx, c, "/ichor.machine.v1.Introspection/"+method, nil)
			if err != nil || len(reply) == 0 {
				t.Fatal(reply, err)
			}
		})
	}
}
