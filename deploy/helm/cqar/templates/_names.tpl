{{- /* The release's name, or RELEASE-cqar where that does not say it. */ -}}
{{- define "cqar.name" -}}
{{- if contains "cqar" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-cqar{{ end }}
{{- end }}

{{- /* By which a component's objects select its pods; takes (list $ "writer"). */ -}}
{{- define "cqar.selector" -}}
app.kubernetes.io/name: cqar
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- /* What runs all the time, in a line. */ -}}
{{- define "cqar.components" -}}
writer resolver{{ if .Values.reconciler.enabled }} reconciler{{ end }}
{{- end }}

{{- define "cqar.labels" -}}
{{ include "cqar.selector" . }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{- end }}

{{- /* Of what is no component's. */ -}}
{{- define "cqar.whole" -}}
app.kubernetes.io/name: cqar
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Takes (list $ "cqar-writer"). */ -}}
{{- define "cqar.image" -}}
{{- $ := index . 0 -}}
{{ $.Values.image.prefix }}{{ index . 1 }}:{{ $.Values.image.tag | default $.Chart.AppVersion }}
{{- with index $.Values.image.digests (index . 1 | trimPrefix "cqar-") }}@{{ . }}{{ end }}
{{- end }}
