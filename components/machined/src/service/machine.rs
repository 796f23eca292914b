//! `machine.MachineService`. Methods that are not here answer UNIMPLEMENTED.

use std::path::Path;

use ichor_api::common::{ContainerDriver, Data};
use ichor_api::machine::machine_service_server::MachineService;
use ichor_api::machine::{
    CpUsFreqStats, CpUsInfo, CpuFreqStatsResponse, CpuInfoResponse, DiskStats, DiskStatsResponse,
    DiskUsageInfo, DiskUsageRequest, DmesgRequest, Event, EventsRequest, FileInfo, Hostname,
    HostnameResponse, ListRequest, LoadAvg, LoadAvgResponse, LogsContainer, LogsContainersResponse,
    LogsRequest, MemInfo, Memory, MemoryResponse, Mounts, MountsResponse, Netstat, NetstatRequest,
    NetstatResponse, NetworkDeviceStats, NetworkDeviceStatsResponse, PlatformInfo, Process,
    ProcessesResponse, ServiceEvent, ServiceEvents, ServiceInfo, ServiceList, ServiceListResponse,
    SystemStat, SystemStatResponse, Version, VersionInfo, VersionResponse,
};
use tonic::{Request, Response, Status};

use super::stream::{Answers, Sink, answer};
use super::{Parts, events, files, mounts, netstat, usage};
use crate::kmsg::{From, Reader};
use crate::proc;
use crate::supervisor::status::ServiceStatus;

/// The level of the API that is implemented, with our version behind it.
pub(crate) const TAG: &str = concat!("v1.14.0+ichor.", env!("CARGO_PKG_VERSION"));

pub(crate) struct MachineApi {
    parts: Parts,
}

impl MachineApi {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }
}

#[tonic::async_trait]
impl MachineService for MachineApi {
    async fn version(&self, _: Request<()>) -> Result<Response<VersionResponse>, Status> {
        let host = &self.parts.host;
        let version = VersionInfo {
            tag: TAG.into(),
            sha: self.parts.build.commit.into(),
            built: String::new(),
            // A field of the protocol; there is no Go in this program.
            go_version: "none".into(),
            os: "linux".into(),
            arch: "amd64".into(),
        };
        let platform = PlatformInfo {
            name: host.platform.clone(),
            mode: host.mode().into(),
        };
        let message = Version {
            metadata: None,
            version: Some(version),
            platform: Some(platform),
            features: None,
        };
        Ok(Response::new(VersionResponse {
            messages: vec![message],
        }))
    }

    async fn hostname(&self, _: Request<()>) -> Result<Response<HostnameResponse>, Status> {
        let uname = rustix::system::uname();
        let message = Hostname {
            metadata: None,
            hostname: uname.nodename().to_string_lossy().into_owned(),
        };
        Ok(Response::new(HostnameResponse {
            messages: vec![message],
        }))
    }

    async fn service_list(&self, _: Request<()>) -> Result<Response<ServiceListResponse>, Status> {
        let services = self.parts.board.list().iter().map(service_info).collect();
        let message = ServiceList {
            metadata: None,
            services,
        };
        Ok(Response::new(ServiceListResponse {
            messages: vec![message],
        }))
    }

    async fn memory(&self, _: Request<()>) -> Result<Response<MemoryResponse>, Status> {
        let text = read("/proc/meminfo")?;
        let meminfo: MemInfo = proc::memory::parse(&text);
        let message = Memory {
            metadata: None,
            meminfo: Some(meminfo),
        };
        Ok(Response::new(MemoryResponse {
            messages: vec![message],
        }))
    }

    async fn load_avg(&self, _: Request<()>) -> Result<Response<LoadAvgResponse>, Status> {
        let text = read("/proc/loadavg")?;
        let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
        let message = LoadAvg {
            metadata: None,
            load1: numbers.next().unwrap_or_default(),
            load5: numbers.next().unwrap_or_default(),
            load15: numbers.next().unwrap_or_default(),
        };
        Ok(Response::new(LoadAvgResponse {
            messages: vec![message],
        }))
    }

    async fn logs(&self, request: Request<LogsRequest>) -> Result<Response<Answers<Data>>, Status> {
        let request = request.into_inner();
        if request.driver() == ContainerDriver::Cri || request.namespace == "k8s.io" {
            return Err(Status::unimplemented(
                "logs of pods are not implemented yet",
            ));
        }
        let ring = self.parts.logs.find(&request.id).ok_or_else(|| {
            Status::not_found(format!("there is no log of a service {:?}", request.id))
        })?;
        let mut position = match usize::try_from(request.tail_lines) {
            Ok(lines) => ring.tail(lines),
            // Negative: everything.
            Err(_negative) => 0,
        };
        // Who does not follow gets what there is now, however much comes meanwhile.
        let last = match request.follow {
            true => u64::MAX,
            false => ring.end(),
        };
        Ok(answer(async move |sink| {
            loop {
                while position < last
                    && let Some((bytes, end)) = ring.next(position)
                {
                    position = end;
                    let data = Data {
                        metadata: None,
                        bytes,
                    };
                    if sink.send(Ok(data)).await.is_err() {
                        return;
                    }
                }
                if position >= last {
                    return;
                }
                tokio::select! {
                    () = ring.wait(position) => {}
                    () = sink.closed() => return,
                }
            }
        }))
    }

    async fn dmesg(
        &self,
        request: Request<DmesgRequest>,
    ) -> Result<Response<Answers<Data>>, Status> {
        let request = request.into_inner();
        let from = match request.tail {
            true => From::End,
            false => From::Start,
        };
        let reader = Reader::open(from)
            .map_err(|error| Status::internal(format!("read the kernel log: {error}")))?;
        let follow = request.follow;
        Ok(answer(move |sink| send_kernel_log(reader, follow, sink)))
    }

    async fn system_stat(&self, _: Request<()>) -> Result<Response<SystemStatResponse>, Status> {
        let message: SystemStat = proc::system::parse(&read("/proc/stat")?);
        Ok(Response::new(SystemStatResponse {
            messages: vec![message],
        }))
    }

    async fn cpu_info(&self, _: Request<()>) -> Result<Response<CpuInfoResponse>, Status> {
        let cpu_info = proc::cpu::parse(&read("/proc/cpuinfo")?);
        let message = CpUsInfo {
            metadata: None,
            cpu_info,
        };
        Ok(Response::new(CpuInfoResponse {
            messages: vec![message],
        }))
    }

    async fn cpu_freq_stats(
        &self,
        _: Request<()>,
    ) -> Result<Response<CpuFreqStatsResponse>, Status> {
        let message = CpUsFreqStats {
            metadata: None,
            cpu_freq_stats: proc::frequency::list(Path::new("/sys/devices/system/cpu")),
        };
        Ok(Response::new(CpuFreqStatsResponse {
            messages: vec![message],
        }))
    }

    async fn netstat(
        &self,
        request: Request<NetstatRequest>,
    ) -> Result<Response<NetstatResponse>, Status> {
        let request = request.into_inner();
        let listed = tokio::task::spawn_blocking(move || netstat::list(&request)).await;
        let listed = listed.map_err(|error| Status::internal(format!("list sockets: {error}")))?;
        let message = Netstat {
            metadata: None,
            connectrecord: listed?,
        };
        Ok(Response::new(NetstatResponse {
            messages: vec![message],
        }))
    }

    async fn network_device_stats(
        &self,
        _: Request<()>,
    ) -> Result<Response<NetworkDeviceStatsResponse>, Status> {
        let (total, devices) = proc::network::parse(&read("/proc/net/dev")?);
        let message = NetworkDeviceStats {
            metadata: None,
            total: Some(total),
            devices,
        };
        Ok(Response::new(NetworkDeviceStatsResponse {
            messages: vec![message],
        }))
    }

    async fn disk_stats(&self, _: Request<()>) -> Result<Response<DiskStatsResponse>, Status> {
        let (total, devices) = proc::disks::parse(&read("/proc/diskstats")?);
        let message = DiskStats {
            metadata: None,
            total: Some(total),
            devices,
        };
        Ok(Response::new(DiskStatsResponse {
            messages: vec![message],
        }))
    }

    async fn processes(&self, _: Request<()>) -> Result<Response<ProcessesResponse>, Status> {
        let processes = tokio::task::spawn_blocking(|| proc::process::list(Path::new("/proc")));
        let processes = processes
            .await
            .map_err(|error| Status::internal(format!("list processes: {error}")))?;
        let message = Process {
            metadata: None,
            processes,
        };
        Ok(Response::new(ProcessesResponse {
            messages: vec![message],
        }))
    }

    async fn mounts(&self, _: Request<()>) -> Result<Response<MountsResponse>, Status> {
        let stats = mounts::list(&read_bytes("/proc/mounts")?).await;
        let message = Mounts {
            metadata: None,
            stats,
        };
        Ok(Response::new(MountsResponse {
            messages: vec![message],
        }))
    }

    async fn list(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<Answers<FileInfo>>, Status> {
        files::list(request.into_inner()).await
    }

    async fn events(
        &self,
        request: Request<EventsRequest>,
    ) -> Result<Response<Answers<Event>>, Status> {
        Ok(events::follow(
            self.parts.events.clone(),
            request.into_inner(),
        ))
    }

    async fn disk_usage(
        &self,
        request: Request<DiskUsageRequest>,
    ) -> Result<Response<Answers<DiskUsageInfo>>, Status> {
        usage::measure(request.into_inner())
    }

    async fn logs_containers(
        &self,
        _: Request<()>,
    ) -> Result<Response<LogsContainersResponse>, Status> {
        let message = LogsContainer {
            metadata: None,
            ids: self.parts.logs.names(),
        };
        Ok(Response::new(LogsContainersResponse {
            messages: vec![message],
        }))
    }
}

async fn send_kernel_log(mut reader: Reader, follow: bool, sink: Sink<Data>) {
    loop {
        let answer = match reader.try_next() {
            Ok(Some(line)) => Ok(Data {
                metadata: None,
                bytes: line.into(),
            }),
            Ok(None) if !follow => return,
            Ok(None) => {
                tokio::select! {
                    ready = reader.wait() => match ready {
                        Ok(()) => continue,
                        Err(error) => Err(Status::internal(format!("wait for the kernel log: {error}"))),
                    },
                    () = sink.closed() => return,
                }
            }
            Err(error) => Err(Status::internal(format!("read the kernel log: {error}"))),
        };
        let ended = answer.is_err();
        if sink.send(answer).await.is_err() || ended {
            return;
        }
    }
}

fn service_info(status: &ServiceStatus) -> ServiceInfo {
    let events = status.events.iter().map(|event| ServiceEvent {
        msg: event.message.clone(),
        state: event.state.as_str().into(),
        ts: Some(event.time.into()),
    });
    ServiceInfo {
        id: status.id.into(),
        state: status.state.as_str().into(),
        events: Some(ServiceEvents {
            events: events.collect(),
        }),
        health: Some(status.health.to_message()),
    }
}

/// Names of interfaces and devices need not be UTF-8.
fn read(path: &str) -> Result<String, Status> {
    Ok(String::from_utf8_lossy(&read_bytes(path)?).into_owned())
}

fn read_bytes(path: &str) -> Result<Vec<u8>, Status> {
    std::fs::read(path).map_err(|error| Status::internal(format!("read {path}: {error}")))
}
