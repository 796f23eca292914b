//! What is behind apid: a machine service that answers at once, and one stream without an end.

use std::path::Path;
use std::pin::Pin;

use anyhow::Result;
use futures_util::{Stream, stream};
use ichor_api::machine::machine_service_server::{MachineService, MachineServiceServer};
use ichor_api::machine::{FileInfo, ListRequest, VersionResponse};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// A method and what it is called with.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Of the method.
    pub path: &'static str,
    /// The request, encoded.
    pub message: &'static [u8],
}

/// A call that is answered at once.
pub const SHORT: Call = Call {
    path: "/machine.MachineService/Version",
    message: &[],
};

/// A call whose answer is long: all files of the node. The component here never ends it.
pub const LONG: Call = Call {
    path: "/machine.MachineService/List",
    // `root` is "/", and `recurse` is set.
    message: &[0x0a, 1, b'/', 0x10, 1],
};

#[derive(Clone, Copy)]
struct Machine;

type Files = Pin<Box<dyn Stream<Item = Result<FileInfo, Status>> + Send>>;

#[tonic::async_trait]
impl MachineService for Machine {
    async fn version(&self, _: Request<()>) -> Result<Response<VersionResponse>, Status> {
        Ok(Response::new(VersionResponse::default()))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Files>, Status> {
        let file = || {
            Ok(FileInfo {
                name: "x".repeat(1000),
                ..FileInfo::default()
            })
        };
        let files = stream::iter(std::iter::repeat_with(file));
        Ok(Response::new(Box::pin(files)))
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
