"""The embedded engine: a KServe v2 gRPC server over the model repository, run by TorchScript.

It reads the same folders as NVIDIA Triton, answers the same tensors and refuses with the same statuses and texts.
It keeps to what one process needs: batching, queue limit, deadlines, cancellation, readiness, metadata, statistics.
The only place of the service that loads torch.

repository.py   config.pbtxt -> DeployedModel, checked
requests.py     ModelInferRequest <-> arrays, checked; contents.py has the bytes
leaf.py         one TorchScript module
scheduler.py    the queue and the batches of one leaf
ensemble.py     a model made of steps
statistics.py   what was counted
engine.py       all models: loading, warm-up, look-up, stopping
address.py      what to listen on
server.py       the gRPC face
process.py      signals, start and stop
"""
