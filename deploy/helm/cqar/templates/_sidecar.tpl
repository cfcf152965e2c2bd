{{- /*
A resolver inside another chart's pods, which has this one as a dependency named cqar, with
cqar.sidecar.enabled. Takes that dependency's context: .Subcharts.cqar

  securityContext: {{- include "cqar.sidecar.podSecurity" .Subcharts.cqar | nindent 8 }}
  initContainers: {{- include "cqar.sidecar.container" .Subcharts.cqar | nindent 8 }}
  volumes: {{- include "cqar.sidecar.volumes" .Subcharts.cqar | nindent 8 }}

The pods' label cqar-data-client: "true" lets it reach PostgreSQL, NATS and Redis.
The service mounts cqar-run at /run/cqar and asks unix:/run/cqar/resolver.sock.
*/ -}}
{{- define "cqar.sidecar.podSecurity" -}}
fsGroup: 10001
supplementalGroups: [10001]
{{- end }}

{{- /* An init container that goes on: the service starts when it is ready, and ends before it. */ -}}
{{- define "cqar.sidecar.container" -}}
- name: cqar-resolver
  image: {{ include "cqar.image" (list . "cqar-resolver") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args: [serve]
  env: {{- include "cqar.environment" "RESOLVER" | nindent 4 }}
  ports:
    - {name: cqar-http, containerPort: 8081}
  startupProbe:
    httpGet: {path: /health/ready, port: cqar-http}
    periodSeconds: 1
    failureThreshold: 300
  livenessProbe:
    httpGet: {path: /health/live, port: cqar-http}
    periodSeconds: 10
    timeoutSeconds: 5
  resources: {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
    {{- include "cqar.containerSecurity" . | nindent 4 }}
  volumeMounts:
    - {name: cqar-config, mountPath: /etc/cqar, readOnly: true}
    - {name: cqar-secrets, mountPath: /run/secrets/cqar, readOnly: true}
    - {name: cqar-run, mountPath: /run/cqar}
    - {name: cqar-last-good, mountPath: /var/lib/cqar}
{{- end }}

{{- define "cqar.sidecar.volumes" -}}
- name: cqar-config
  configMap: {name: {{ include "cqar.name" . }}-sidecar}
- name: cqar-secrets
  secret: {secretName: {{ .Values.secrets.resolver }}, defaultMode: 0440}
- name: cqar-run
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: cqar-last-good
  emptyDir: {sizeLimit: 2Gi}
{{- end }}
