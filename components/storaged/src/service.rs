//! What storaged serves.

mod storage;

use std::os::unix::net::UnixListener;

use ichor_api::storage::storage_service_server::StorageServiceServer;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

use crate::StoragedError;
use crate::sysfs::Tree;

/// Serves the API until the listener fails.
///
/// # Errors
/// [`StoragedError`].
pub(crate) async fn serve(listener: UnixListener, tree: Tree) -> Result<(), StoragedError> {
    listener
        .set_nonblocking(true)
        .map_err(StoragedError::Wait)?;
    let listener = tokio::net::UnixListener::from_std(listener).map_err(StoragedError::Wait)?;
    Server::builder()
        .add_service(StorageServiceServer::new(storage::StorageApi { tree }))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await
        .map_err(StoragedError::Serve)
}
