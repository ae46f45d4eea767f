"""The steps of the pipeline that are ours, one file each, and the training that `Pretrain` runs."""
