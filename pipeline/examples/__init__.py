"""Pictures of any origin as record files of `tf.Example`."""
