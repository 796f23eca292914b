//! Services whose methods are part of the contract and not implemented yet: each answers
//! UNIMPLEMENTED and says so, instead of leaving the caller to guess whether the service exists.

use ichor_api::cluster::cluster_service_server::{ClusterService, ClusterServiceServer};
use ichor_api::machine::debug_service_server::{DebugService, DebugServiceServer};
use ichor_api::machine::image_service_server::{ImageService, ImageServiceServer};
use ichor_api::machine::lifecycle_service_server::{LifecycleService, LifecycleServiceServer};
use ichor_api::machine::lvm_service_server::{LvmService, LvmServiceServer};
use ichor_api::machine::md_service_server::{MdService, MdServiceServer};
use ichor_api::storage::storage_service_server as storage;
use ichor_api::time::time_service_server::{TimeService, TimeServiceServer};
use tonic::transport::server::Router;

/// Implements no method of any service.
#[derive(Clone, Copy)]
struct NotYet;

impl ClusterService for NotYet {}
impl DebugService for NotYet {}
impl ImageService for NotYet {}
impl LifecycleService for NotYet {}
impl LvmService for NotYet {}
impl MdService for NotYet {}
impl TimeService for NotYet {}
impl storage::StorageService for NotYet {}

/// Adds all of them.
pub(super) fn add_to(router: Router) -> Router {
    router
        .add_service(ClusterServiceServer::new(NotYet))
        .add_service(DebugServiceServer::new(NotYet))
        .add_service(ImageServiceServer::new(NotYet))
        .add_service(LifecycleServiceServer::new(NotYet))
        .add_service(LvmServiceServer::new(NotYet))
        .add_service(MdServiceServer::new(NotYet))
        .add_service(TimeServiceServer::new(NotYet))
        .add_service(storage::StorageServiceServer::new(NotYet))
}
