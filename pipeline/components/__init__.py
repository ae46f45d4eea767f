"""The steps of the pipeline that are ours, one file each."""
