// One chain of calls with Node's own clients; says what it saw as one line of JSON.
// Arguments: grpc or rest, the port, the id of the service to make.
'use strict';

const {ServicesClient, RevisionsClient} = require('@google-cloud/run').v2;

const [transport, port, serviceId] = process.argv.slice(2);
const PARENT = 'projects/demo/locations/us-central1';
const REVISION = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION';

function options() {
  const where = {apiEndpoint: '127.0.0.1', port: Number(port), projectId: 'demo'};
  if (transport === 'grpc') {
    const grpc = require('@grpc/grpc-js');
    return {...where, sslCreds: grpc.credentials.createInsecure()};
  }
  const {PassThroughClient} = require('google-auth-library');
  return {...where, fallback: true, protocol: 'http', authClient: new PassThroughClient()};
}

const short = name => name.split('/').pop();

async function finished(call) {
  const [operation] = await call;
  const [result] = await operation.promise();
  return result;
}

async function main() {
  const services = new ServicesClient(options());
  const revisions = new RevisionsClient(options());
  const seen = {};

  const template = {containers: [{image: 'demo/app:v1'}]};
  let service = await finished(
    services.createService({parent: PARENT, serviceId, service: {template}})
  );
  seen.uri = service.uri;
  seen.first = short(service.latestReadyRevision);

  [service] = await services.getService({name: service.name});
  service.template.containers[0].image = 'demo/app:v2';
  service = await finished(services.updateService({service}));
  seen.second = short(service.latestReadyRevision);
  seen.generation = Number(service.generation);

  const traffic = [{type: REVISION, revision: seen.first, percent: 100, tag: 'stable'}];
  service = await finished(
    services.updateService({service: {name: service.name, traffic}, updateMask: {paths: ['traffic']}})
  );
  seen.traffic = service.trafficStatuses.map(each => [each.revision, each.percent, each.tag]);

  seen.revisions = [];
  for await (const each of revisions.listRevisionsAsync({parent: service.name, pageSize: 1})) {
    seen.revisions.push(short(each.name));
  }
  seen.error = await services
    .getService({name: `${PARENT}/services/nope`})
    .catch(error => [error.code, error.message]);

  const gone = await finished(services.deleteService({name: service.name}));
  seen.deleted = Boolean(gone.deleteTime);
  console.log(JSON.stringify(seen));
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
