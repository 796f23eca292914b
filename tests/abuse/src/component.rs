//! What is behind apid: a machine service that answers at once, and one stream without an end.

use std::path::Path;
use std::pin::Pin;

use anyhow::Result;
use futures_util::{Stream, stream};
use ichor_api::common::Data;
use ichor_api::machine::machine_service_server::{MachineService, MachineServiceServer};
use ichor_api::machine::{DmesgRequest, VersionResponse};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// A call that is answered at once.
pub const SHORT: &str = "/machine.MachineService/Version";
/// A call whose answer does not end.
pub const ENDLESS: &str = "/machine.MachineService/Dmesg";

#[derive(Clone, Copy)]
struct Machine;

type Lines = Pin<Box<dyn Stream<Item = Result<Data, Status>> + Send>>;

#[tonic::async_trait]
impl MachineService for Machine {
    async fn version(&self, _: Request<()>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse::default()))
    }

    async fn dmesg(&self, _: Request<DmesgRequest>) -> Result<Response<Lines>, Status> {
        let line = || {
            Ok(Data {
                metadata: None,
                bytes: vec![b'x'; 1000].into(),
            })
        };
        let lines = stream::iter(std::iter::repeat_with(line));
        Ok(Response::new(Box::pin(lines)))
    }
}

/// Serves on a unix socket until the task ends.
///
/// # Errors
/// When the socket cannot be made, or fails.
pub async fn serve(path: &Path) -> Result<()> {
    let listener = UnixListener::bind(path)?;
    Server::builder()
        .max_concurrent_streams(1024)
        .add_service(MachineServiceServer::new(Machine))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await?;
    Ok(())
}
