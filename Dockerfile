# cnn-study with the packages of requirements.lock, on the processor. The folder of a study lies at
# /study: docker run --rm --volume "$PWD:/study" --user "$(id -u)" cnn-study work STUDY
FROM python:3.11-slim-bookworm

COPY requirements.lock /source/
RUN pip install --no-cache-dir --require-hashes -r /source/requirements.lock

COPY . /source
RUN pip install --no-cache-dir --no-deps --no-build-isolation /source && rm -r /source

# What runs here is nobody in particular, and has no home.
ENV HOME=/tmp
WORKDIR /study
ENTRYPOINT ["cnn-study"]
