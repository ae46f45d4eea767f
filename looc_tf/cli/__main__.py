"""`python -m looc_tf.cli`: what `looc` does, under the Python that is named."""

from looc_tf.cli import main

if __name__ == "__main__":
    main()
