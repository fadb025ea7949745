# The course with JupyterLab and all that grading needs, for a processor alone:
#     docker build --tag course .
#     docker run --rm --publish 8888:8888 course
FROM python:3.11-slim
WORKDIR /srv/course
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY binder/requirements.txt binder/
COPY tutorials tutorials
COPY nma_seq2seq nma_seq2seq
RUN python -m pip install --no-cache-dir --requirement binder/requirements.txt
RUN python -m pip install --no-cache-dir --constraint constraints.txt ".[grade,lab]"
RUN useradd --create-home student
USER student
WORKDIR /home/student
RUN python -c "import matplotlib.font_manager"
RUN nma-seq2seq start --no-lab course
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "course/01_data_exploration.ipynb"]
