//! `machine.StorageService`.

use ichor_api::machine::storage_service_server::StorageService;
use ichor_api::machine::{StorageServiceStatfsRequest, StorageServiceStatfsResponse};
use rustix::fs::StatVfs;
use tonic::{Request, Response, Status};

use super::asking::ask;

#[derive(Clone, Copy, Debug)]
pub(crate) struct StorageApi;

#[tonic::async_trait]
impl StorageService for StorageApi {
    async fn statfs(
        &self,
        request: Request<StorageServiceStatfsRequest>,
    ) -> Result<Response<StorageServiceStatfsResponse>, Status> {
        let path = request.into_inner().path;
        if !path.starts_with('/') {
            let text = format!("path: {path:?} is not absolute");
            return Err(Status::invalid_argument(text));
        }
        let asked = path.clone();
        let found = ask(&path, move || rustix::fs::statvfs(asked)).await?;
        let sizes = found.map_err(|error| match error {
            rustix::io::Errno::NOENT => Status::not_found(format!("{path}: {error}")),
            error => Status::internal(format!("statfs {path}: {error}")),
        })?;
        Ok(Response::new(response(&sizes)))
    }
}

/// What only root may use is neither used nor available.
fn response(sizes: &StatVfs) -> StorageServiceStatfsResponse {
    let bytes = |blocks: u64| blocks.saturating_mul(sizes.f_frsize);
    StorageServiceStatfsResponse {
        size: bytes(sizes.f_blocks),
        used: bytes(sizes.f_blocks.saturating_sub(sizes.f_bfree)),
        available: bytes(sizes.f_bavail),
        inodes: sizes.f_files,
        inodes_used: sizes.f_files.saturating_sub(sizes.f_ffree),
        inodes_free: sizes.f_ffree,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn statfs(path: &str) -> Result<StorageServiceStatfsResponse, Status> {
        let path = path.to_owned();
        let request = Request::new(StorageServiceStatfsRequest { path });
        StorageApi.statfs(request).await.map(Response::into_inner)
    }

    #[tokio::test]
    async fn the_sizes_add_up() {
        let sizes = statfs("/").await.unwrap();
        assert!(sizes.size > 0);
        assert!(sizes.used + sizes.available <= sizes.size);
        assert_eq!(sizes.inodes_used + sizes.inodes_free, sizes.inodes);
    }

    #[tokio::test]
    async fn a_path_must_be_absolute_and_exist() {
        let code = async |path| statfs(path).await.unwrap_err().code();
        assert_eq!(code("").await, tonic::Code::InvalidArgument);
        assert_eq!(code("etc").await, tonic::Code::InvalidArgument);
        assert_eq!(code("/nowhere-at-all").await, tonic::Code::NotFound);
    }
}
