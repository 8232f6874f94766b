// The shared step: `smoketest arch: 'kvm-flat', repo: 'nova', ref: env.BRANCH_NAME`
// Says what the cell came to: SUCCESS, UNSTABLE (the product failed) or FAILURE (nobody could tell).
def call(Map asked) {
    def wanted = [
        "ARCH=${asked.arch}",
        "REPO=${asked.repo}",
        "REF=${asked.ref ?: ''}",
        "COMMIT=${asked.commit ?: ''}",
        "RUN_ID=${asked.key ?: env.BUILD_TAG + '-' + asked.arch}",
        "SMOKETEST_URL=${asked.url ?: env.SMOKETEST_URL}",
    ]
    dir("smoketest-${asked.arch}") {
        writeFile file: 'ask.sh', text: libraryResource('ask.sh')
        withCredentials([usernamePassword(
            credentialsId: asked.credentials ?: 'smoketest',
            usernameVariable: 'SMOKETEST_USER',
            passwordVariable: 'SMOKETEST_TOKEN',
        )]) {
            withEnv(wanted) {
                def status = sh(script: 'sh ./ask.sh', returnStatus: true)
                junit testResults: 'smoketest.xml', allowEmptyResults: true
                if (status == 1) {
                    unstable("${asked.arch}: the product failed")
                } else if (status != 0) {
                    error("${asked.arch}: nobody could tell (status ${status})")
                }
            }
        }
    }
}
